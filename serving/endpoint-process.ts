/**
 * The online endpoint of one environment as a process of its own:
 * `node endpoint-process.ts <config.json>` or `--config <config.json>`.
 *
 * Prints one line on stdout when it listens, everything else on stderr. SIGTERM and SIGINT end it gracefully; when
 * stdin is a pipe, its end means that the parent is gone, and ends it too.
 */
import { fstatSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { SuperstepError } from '../contracts/failure-types.ts';
import { createArtifactStore } from '../registry/artifact-store.ts';
import { openRegistryDatabase } from '../registry/database.ts';
import { createRegistry, type Registry } from '../registry/registry.ts';
import { createEndpoint, type LoadEndpointPredictor, type ProductionModel } from './endpoint.ts';
import { loadPredictor } from './predictor.ts';

const configSchema = z.strictObject({
  /** 0 for any free port: the printed line tells which. */
  port: z.int().min(0).max(65_535),
  host: z.string().min(1).default('127.0.0.1'),
  /** A SQLite file, or the URL of a PostgreSQL database. */
  registry: z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ url: z.string().min(1) })]),
  artifactsFolder: z.string().min(1),
  pollMs: z.int().min(10).max(60_000).default(500),
  maxRows: z.int().min(1).max(100_000).default(1024),
});

export type EndpointConfig = z.input<typeof configSchema>;

/** Requests under way get this long to end. */
const GRACE_MS = 10_000;

/**
 * Reads the configuration that the arguments name.
 *
 * Errors: `InvalidInput` when there is none, or it is not what {@link EndpointConfig} says.
 */
export function readEndpointConfig(args: readonly string[]): z.output<typeof configSchema> {
  const path = args[0] === '--config' ? args[1] : args[0];
  if (path === undefined) {
    throw new SuperstepError(
      'InvalidInput',
      'no configuration given; expected the path of a JSON file, or --config <path>',
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SuperstepError('InvalidInput', `${path} cannot be read as JSON: ${messageOf(error)}`, { path });
  }
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    throw new SuperstepError('InvalidInput', `${path}: ${z.prettifyError(parsed.error)}`, { path });
  }
  return parsed.data;
}

async function main(): Promise<void> {
  const config = readEndpointConfig(process.argv.slice(2));
  const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const db = openRegistryDatabase(config.registry);
  const artifacts = createArtifactStore({ folder: config.artifactsFolder });
  const registry = createRegistry({ db, artifacts, now: () => new Date() });
  const columnsOf = rememberColumns(registry);
  const endpoint = createEndpoint({
    productionVersions: async () => {
      const versions = await registry.productionVersions();
      columnsOf.forgetOthers(versions);
      return Promise.all(
        versions.map(async ({ model, version, onnx }): Promise<ProductionModel> => {
          if (onnx === null) return { model, version, file: NO_FILE, sha256: '', bytes: 0 };
          const features = await columnsOf.ask(model, version);
          const named = features === undefined ? {} : { features };
          return { model, version, file: artifacts.path(onnx), sha256: onnx.sha256, bytes: onnx.bytes, ...named };
        }),
      );
    },
    loadPredictor: loadIfThere,
    pollMs: config.pollMs,
    maxRows: config.maxRows,
    log,
  });

  let leaving = false;
  const leave = (reason: string): void => {
    if (leaving) return;
    leaving = true;
    log(`ends: ${reason}`);
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    endpoint
      .stop()
      .then(() => db.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log(messageOf(error));
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', () => leave('SIGTERM'));
  process.on('SIGINT', () => leave('SIGINT'));
  if (stdinIsPipe()) {
    const gone = (): void => leave('the parent is gone');
    process.stdin.on('end', gone).on('error', gone).resume();
  }

  const address = await endpoint.app.listen({ port: config.port, host: config.host });
  process.stdout.write(`endpoint listens on ${address}\n`);
  await endpoint.start();
}

/** The columns of a version do not change while it is in Production: the registry is asked once for each stay. */
function rememberColumns({ adoptedColumns }: Pick<Registry, 'adoptedColumns'>) {
  const known = new Map<string, readonly string[] | undefined>();
  const keyOf = (model: string, version: number): string => `${model}/${version}`;
  return {
    forgetOthers: (versions: readonly { readonly model: string; readonly version: number }[]): void => {
      const there = new Set(versions.map(({ model, version }) => keyOf(model, version)));
      for (const key of known.keys()) if (!there.has(key)) known.delete(key);
    },
    ask: async (model: string, version: number): Promise<readonly string[] | undefined> => {
      const key = keyOf(model, version);
      if (!known.has(key)) known.set(key, await adoptedColumns(model, version));
      return known.get(key);
    },
  };
}

const NO_FILE = '';

/** A Production version may have come in without a file: said as its error, it keeps the others serving. */
const loadIfThere: LoadEndpointPredictor = (file, options) => {
  if (file !== NO_FILE) return loadPredictor(file, options);
  const message = 'the version in Production has no ONNX file in the registry; promote one that has, or roll back';
  return Promise.reject(new SuperstepError('UnknownModel', message));
};

/** Pipes of a parent are FIFOs or sockets; a terminal, a file or /dev/null says nothing about a parent. */
function stdinIsPipe(): boolean {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isSocket();
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().catch((error: unknown) => {
    process.stderr.write(`the endpoint cannot start: ${messageOf(error)}\n`);
    process.exit(1);
  });
}
