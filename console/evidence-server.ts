import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { html } from './html.ts';
import { renderPage } from './page.ts';

export interface EvidenceServerDeps {
  /** Per environment: where the artifact with a sha256 lies, whether or not it is there. */
  readonly stores: Readonly<Record<string, (sha256: string) => string>>;
  /** Other places of interest, for the index page. */
  readonly links?: readonly { readonly title: string; readonly href: string }[];
}

// The pages have no script and need nothing from elsewhere; whatever else gets in must stay inert.
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const PAGE_START = Buffer.from('<!doctype html>');

/**
 * Serves evidence pages out of the artifact stores: `GET /<environment>/evidence/<sha256 of the page>`. The bytes are
 * checked against the digest that was asked for: 404 when they are not there, 409 when they are not what they were.
 */
export function createEvidenceServer({ stores, links = [] }: EvidenceServerDeps): FastifyInstance {
  const app = Fastify({ routerOptions: { maxParamLength: 200 } });
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS));
  app.setNotFoundHandler((_request, reply) =>
    refuse(reply, 404, 'No such page', 'Evidence lies at /<environment>/evidence/<sha256>.'),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    refuse(reply, error.statusCode ?? 500, 'This did not work', error.message),
  );
  app.get('/', (_request, reply) => reply.send(renderIndex(Object.keys(stores), links)));
  app.get<{ Params: { environment: string; sha256: string } }>(
    '/:environment/evidence/:sha256',
    async ({ params: { environment, sha256 } }, reply) => {
      const path = Object.hasOwn(stores, environment) ? stores[environment] : undefined;
      if (path === undefined) {
        const known = Object.keys(stores).join(', ');
        return refuse(reply, 404, 'No such environment', `Expected one of ${known}; found "${environment}".`);
      }
      if (!/^[0-9a-f]{64}$/.test(sha256)) {
        return refuse(reply, 404, 'No digest', `Expected 64 lower-case hex digits; found "${sha256}".`);
      }
      return sendEvidence(reply, path(sha256), environment, sha256);
    },
  );
  return app;
}

async function sendEvidence(
  reply: FastifyReply,
  file: string,
  environment: string,
  sha256: string,
): Promise<FastifyReply> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return refuse(reply, 404, 'No such evidence', `The artifact store of ${environment} has no file ${sha256}.`);
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) {
    return refuse(
      reply,
      409,
      'This evidence was changed',
      `Expected bytes with sha256 ${sha256}; found ${found}. Do not decide on them: restore the artifact store of ${environment}.`,
    );
  }
  if (!bytes.subarray(0, PAGE_START.length).equals(PAGE_START)) {
    return refuse(reply, 404, 'No evidence page', `The artifact ${sha256} is not a page.`);
  }
  // Content under its own digest never changes.
  return reply.header('cache-control', 'public, max-age=31536000, immutable').send(bytes);
}

function refuse(reply: FastifyReply, status: number, title: string, text: string): FastifyReply {
  return reply.code(status).send(
    renderPage(
      title,
      html`<main>
        <section>
          <div class="card">
            <h1>${title}</h1>
            <p class="muted">${text}</p>
          </div>
        </section>
      </main>`,
    ),
  );
}

function renderIndex(environments: readonly string[], links: NonNullable<EvidenceServerDeps['links']>): string {
  return renderPage(
    'Superstep: evidence',
    html`<main>
      <section>
        <h1>Evidence</h1>
        <p class="lead">
          One page for each candidate that waits for a decision, in ${environments.join(', ')}. A waiting
          <code>promoteModel</code> workflow links to its page in its current details.
        </p>
        <div class="card">
          <ul>
            ${links.map(({ title, href }) => html`<li><a href="${href}">${title}</a></li>`)}
          </ul>
          <p class="muted small">
            Pages lie at <code>/&lt;environment&gt;/evidence/&lt;sha256&gt;</code>; their bytes are checked against the
            digest each time.
          </p>
        </div>
      </section>
    </main>`,
  );
}
