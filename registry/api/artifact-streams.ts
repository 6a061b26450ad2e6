import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { Policy } from '../../contracts/schemas/policy.ts';
import type { ArtifactFiles } from '../artifact-files.ts';
import { heldHere, type ArtifactLocation, type ArtifactLocations } from '../artifact-locations.ts';
import { cleanArtifactPath, cleanFilePath, joinArtifactPath } from '../artifact-paths.ts';
import type { ArtifactStore } from '../artifact-store.ts';
import { attachmentOf, contentTypeOf } from './content-types.ts';
import { runIdOf } from './field-rules.ts';
import { createFields, type Fields } from './fields.ts';
import { RestError } from './rest-errors.ts';

export interface ArtifactStreamsDeps {
  readonly artifacts: ArtifactStore;
  readonly files: ArtifactFiles;
  readonly locations: ArtifactLocations;
  /** The environment's policy of today. */
  readonly policy: () => Promise<Policy>;
  /** Gets what went wrong when an answer had begun already: a stored file that is damaged. */
  readonly report: (error: unknown, request: string) => void;
}

type PathRequest = FastifyRequest<{ Params: { '*': string } }>;

const BASES = ['/api/2.0', '/ajax-api/2.0'] as const;
const READ = { config: { needs: 'read' } } as const;
const CONTRIBUTE = { config: { needs: 'contribute' } } as const;
const LARGEST_UPLOAD = 10 * 1024 * 1024;

/** Serves the bytes of artifacts, in and out: the proxy of MLflow's clients, and the addresses that its UI uses. */
export function registerArtifactStreams(scope: FastifyInstance, deps: ArtifactStreamsDeps): void {
  // Bodies stay in the connection until a handler reads them, whatever their length and whatever is said of their type.
  scope.addHook('onRequest', async ({ raw }) => {
    delete raw.headers['content-type'];
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  registerProxy(scope, deps);
  registerReaders(scope, deps);
  for (const base of BASES) {
    scope.post(`${base}/mlflow/upload-artifact`, CONTRIBUTE, (request) => upload(deps, request));
  }
}

function registerProxy(scope: FastifyInstance, deps: ArtifactStreamsDeps): void {
  for (const base of BASES) {
    const url = `${base}/mlflow-artifacts/artifacts/*`;
    scope.put(url, CONTRIBUTE, (request: PathRequest) => put(deps, request));
    scope.delete(url, CONTRIBUTE, async (request: PathRequest) => {
      const path = cleanArtifactPath(request.params['*']);
      if (path === '') throw new SuperstepError('InvalidInput', 'Invalid path: it names no file or folder');
      await deps.files.delete(path, (await deps.policy()).direct_changes);
      return {};
    });
    serveFile(scope, deps, url, async (request) => cleanFilePath((request as PathRequest).params['*']));
  }
}

/** Files by what they belong to: a run, a version, a logged model. */
function registerReaders(scope: FastifyInstance, deps: ArtifactStreamsDeps): void {
  const { locations } = deps;
  const below = async (location: Promise<ArtifactLocation>, path: string): Promise<string> =>
    joinArtifactPath(heldHere(await location), cleanFilePath(path));
  for (const url of ['/get-artifact', ...BASES.map((base) => `${base}/mlflow/get-artifact`)]) {
    serveFile(scope, deps, url, (request) => {
      const fields = queryOf(request);
      return below(locations.ofRun(runIdOf(fields)), fields.text('path'));
    });
  }
  serveFile(scope, deps, '/model-versions/get-artifact', (request) => {
    const fields = queryOf(request);
    return below(locations.ofVersion(fields.text('name'), fields.integer('version')), fields.text('path'));
  });
  for (const base of BASES) {
    serveFile(scope, deps, `${base}/mlflow/logged-models/:model_id/artifacts/files`, (request) => {
      const { model_id: modelId } = request.params as { readonly model_id: string };
      return below(locations.ofLoggedModel(modelId), queryOf(request).text('artifact_file_path'));
    });
  }
}

/** GET, and HEAD without reading the file. Always the whole of it: only that can be held against its digest. */
function serveFile(
  scope: FastifyInstance,
  { artifacts, files, report }: ArtifactStreamsDeps,
  url: string,
  pathOf: (request: FastifyRequest) => Promise<string>,
): void {
  scope.route({
    method: ['GET', 'HEAD'],
    exposeHeadRoute: false,
    url,
    ...READ,
    handler: async (request, reply): Promise<FastifyReply> => {
      const path = await pathOf(request);
      const ref = await files.get(path);
      if (ref === undefined) throw new SuperstepError('UnknownResource', `No such artifact: '${path}'`, { path });
      const stream = request.method === 'HEAD' ? undefined : await artifacts.readStream(ref);
      // Ends the connection before the last piece, so that no client takes what it has for the file.
      stream?.on('error', (error) => report(error, `GET ${path}`));
      return reply
        .headers({
          'content-type': contentTypeOf(path),
          'content-length': ref.bytes,
          'content-disposition': attachmentOf(path),
          'x-content-type-options': 'nosniff',
          'accept-ranges': 'none',
        })
        .send(stream);
    },
  });
}

/** The path is there when all of the body is, and not before. Of several at once the last one that is complete stays. */
async function put({ artifacts, files, policy }: ArtifactStreamsDeps, request: PathRequest): Promise<object> {
  const path = cleanFilePath(request.params['*']);
  const { raw, headers } = request;
  const length = headers['content-length'];
  const ref = await artifacts
    .putStream(raw, length === undefined ? {} : { bytes: Number(length) })
    .catch((error: unknown) => rethrowUpload(error, request));
  await files.put(path, ref, (await policy()).direct_changes);
  return {};
}

/** Small files that the UI makes: into memory, so that the limit holds also for who does not say the length. */
async function upload(deps: ArtifactStreamsDeps, request: FastifyRequest): Promise<object> {
  const fields = queryOf(request);
  const path = cleanFilePath(fields.text('path'));
  const root = heldHere(await deps.locations.ofRun(runIdOf(fields)));
  const bytes = await readAll(request).catch((error: unknown) => rethrowUpload(error, request));
  if (bytes.byteLength === 0)
    throw new SuperstepError('InvalidInput', 'the body is empty; send the content of the file');
  const ref = await deps.artifacts.putBytes(bytes);
  await deps.files.put(joinArtifactPath(root, path), ref, (await deps.policy()).direct_changes);
  return {};
}

async function readAll({ raw }: FastifyRequest): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of raw as AsyncIterable<Buffer>) {
    bytes += piece.byteLength;
    if (bytes > LARGEST_UPLOAD) {
      throw new SuperstepError('InvalidInput', `the file has more than ${LARGEST_UPLOAD} bytes; log it with a client`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A sender that went away is nobody's bug; nothing of what it sent is kept. */
function rethrowUpload(error: unknown, { raw }: FastifyRequest): never {
  if (error instanceof SuperstepError || !raw.destroyed || raw.readableEnded) throw error;
  throw new RestError('BAD_REQUEST', 'the body ended before its time; nothing was kept; send it again');
}

function queryOf({ query }: FastifyRequest): Fields {
  return createFields(query as Record<string, unknown>);
}
