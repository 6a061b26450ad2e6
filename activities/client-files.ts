import type { z } from 'zod';
import type { ArtifactRef } from '../contracts/references.ts';
import { importanceSchema, paritySampleSchema } from '../contracts/schemas/client-files.ts';
import type { ArtifactStore } from '../registry/artifact-store.ts';
import type { ModelVersion } from '../registry/model-versions.ts';
import type { Registry } from '../registry/registry.ts';
import type { Run } from '../registry/tracking.ts';

/** A file that a client logged and that can be read; or why there is none, a sentence for people. */
export type ClientFile = { readonly file: ArtifactRef } | { readonly missing: string };

/** What a client logged beside its model: in the model's folder, or among the artifacts of its run. */
export interface ClientFiles {
  readonly paritySample: ClientFile;
  readonly importance: ClientFile;
  readonly modelCard: ClientFile;
}

const LARGEST_JSON = 64 * 1024 * 1024;
const LARGEST_CARD = 1024 * 1024;

/** Finds the files that gates look at; one that cannot be read is missing, and says why. */
export async function clientFiles(
  { registry, artifacts }: { readonly registry: Registry; readonly artifacts: ArtifactStore },
  version: ModelVersion,
  run: Run | undefined,
  features: readonly string[],
): Promise<ClientFiles> {
  const find = async (name: string): Promise<ArtifactRef | undefined> =>
    (await registry.versionFile(version, name)) ?? run?.artifacts[name];
  const sample = await find('parity-sample.json');
  const importance = await find('importance.json');
  const card = await find('model-card.md');
  return {
    paritySample:
      sample === undefined
        ? { missing: 'No parity-sample.json was logged: nothing shows that the ONNX file scores as its trainer did.' }
        : await readable(artifacts, 'parity-sample.json', sample, paritySampleSchema, (found) =>
            found.features.join('\n') === features.join('\n')
              ? undefined
              : `it is of the features ${found.features.join(', ')}; the file takes ${features.join(', ')}`,
          ),
    importance:
      importance === undefined
        ? { missing: 'No importance.json was logged: what drives its predictions is not known.' }
        : await readable(artifacts, 'importance.json', importance, importanceSchema),
    modelCard:
      card === undefined
        ? { missing: 'No model-card.md was logged: its card was written from what is known here.' }
        : card.bytes === 0 || card.bytes > LARGEST_CARD
          ? { missing: `Its model-card.md has ${card.bytes} bytes: its card was written from what is known here.` }
          : { file: card },
  };
}

async function readable<Schema extends z.ZodType>(
  artifacts: ArtifactStore,
  name: string,
  file: ArtifactRef,
  schema: Schema,
  faultOf: (found: z.output<Schema>) => string | undefined = () => undefined,
): Promise<ClientFile> {
  const unreadable = (why: string): ClientFile => ({ missing: `Its ${name} cannot be read: ${why}.` });
  if (file.bytes > LARGEST_JSON) return unreadable(`it has ${file.bytes} bytes, more than ${LARGEST_JSON}`);
  const json = parse((await artifacts.readBytes(file)).toString('utf8'));
  if (json === undefined) return unreadable('it is no JSON; a missing value is null there, not NaN');
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return unreadable(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'not as expected'}`);
  }
  const fault = faultOf(parsed.data);
  return fault === undefined ? { file } : unreadable(fault);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
