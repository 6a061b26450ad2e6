import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { duration } from '../../contracts/schemas/primitives.ts';
import { messageForPerson } from '../message-for-person.ts';

/** temporal-dev.yaml at the root of the repository. */
export const DEV_CONFIG_FILE = fileURLToPath(new URL('../../temporal-dev.yaml', import.meta.url));

const port = z.int().min(1).max(65_535);

const schema = z.strictObject({
  env: z.record(
    z.string(),
    z.strictObject({
      address: z.string().regex(/^\S+:\d+$/, 'expected "<host>:<port>"'),
      port,
      namespace: z.string().min(1),
      'db-filename': z.string().min(1),
      'ui-port': port,
      'metrics-port': port,
    }),
  ),
  namespaces: z.record(z.string(), z.strictObject({ retention: duration })),
  'search-attributes': z.strictObject({
    all: z.record(z.string(), z.enum(['Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'])),
  }),
  'dynamic-config': z.strictObject({ all: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])) }),
});

export type SearchAttributeTypeName = z.output<typeof schema>['search-attributes']['all'][string];

/** The development server as temporal-dev.yaml describes it. */
export interface DevConfig {
  readonly address: string;
  readonly port: number;
  readonly uiPort: number;
  readonly metricsPort: number;
  /** Relative to the folder that the server is started in. */
  readonly dbFilename: string;
  /** Namespace per environment. */
  readonly environments: Readonly<Record<string, string>>;
  /** Retention, for example `30d`, per namespace. */
  readonly namespaces: Readonly<Record<string, { readonly retention: string }>>;
  readonly searchAttributes: Readonly<Record<string, SearchAttributeTypeName>>;
  readonly dynamicConfig: Readonly<Record<string, string | number | boolean>>;
}

/** Reads and checks temporal-dev.yaml; an error names the file, the key, what was found and what is allowed. */
export async function readDevConfig(file: string = DEV_CONFIG_FILE): Promise<DevConfig> {
  return parseDevConfig(await readFile(file, 'utf8'), file);
}

/** The pure part of {@link readDevConfig}. */
export function parseDevConfig(text: string, file: string): DevConfig {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw messageForPerson(`${file} is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) throw messageForPerson(`${file} is not as expected:\n${z.prettifyError(parsed.error)}`);
  const { env, namespaces } = parsed.data;
  const [first] = Object.values(env);
  if (first === undefined) throw messageForPerson(`${file} has no environment under "env"`);
  for (const [name, section] of Object.entries(env)) {
    if (!(section.namespace in namespaces)) {
      throw messageForPerson(
        `${file}: env.${name} names the namespace ${section.namespace}, missing under "namespaces"`,
      );
    }
    for (const key of ['address', 'port', 'db-filename', 'ui-port', 'metrics-port'] as const) {
      if (section[key] === first[key]) continue;
      throw messageForPerson(
        `${file}: env.${name}.${key} is ${section[key]}, elsewhere ${first[key]}; all environments share one server`,
      );
    }
  }
  return {
    address: first.address,
    port: first.port,
    uiPort: first['ui-port'],
    metricsPort: first['metrics-port'],
    dbFilename: first['db-filename'],
    environments: Object.fromEntries(Object.entries(env).map(([name, section]) => [name, section.namespace])),
    namespaces,
    searchAttributes: parsed.data['search-attributes'].all,
    dynamicConfig: parsed.data['dynamic-config'].all,
  };
}
