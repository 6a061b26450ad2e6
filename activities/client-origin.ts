import type { ClientOrigin } from '../contracts/evidence.ts';
import type { ModelVersion } from '../registry/model-versions.ts';
import type { Run } from '../registry/tracking.ts';
import type { ClientFiles } from './client-files.ts';

/** The tag in which MLflow's clients write the commit of the code that ran. */
export const COMMIT_TAG = 'mlflow.source.git.commit';

/** Tags about code and people; others may be many and long. */
const CODE_TAGS: ReadonlySet<string> = new Set([
  COMMIT_TAG,
  'mlflow.source.git.branch',
  'mlflow.source.git.repoURL',
  'mlflow.source.name',
  'mlflow.source.type',
  'mlflow.user',
]);

const LONGEST_SHOWN = 500;

/** Where a client's version came from, as far as the client told, and what it left open. */
export function clientOrigin(version: ModelVersion, run: Run | undefined, files: ClientFiles): ClientOrigin {
  const code = Object.entries(run?.tags ?? {}).filter(([key]) => CODE_TAGS.has(key));
  const commit = run?.tags[COMMIT_TAG];
  return {
    registeredBy: version.userId,
    registeredAt: version.createdAt,
    source: version.source,
    run: run === undefined ? null : { runId: run.runId, name: run.name, experiment: run.experiment },
    code: Object.fromEntries(code.map(([key, value]) => [key, value.slice(0, LONGEST_SHOWN)])),
    missing: [
      'Which rows trained it is not known: if the held-out ones were among them, its figures flatter it.',
      ...(run === undefined ? ['No run was named as its source: params, code and author are not known.'] : []),
      commit === undefined
        ? `No commit is known: its run has no tag ${COMMIT_TAG}.`
        : 'Whether the folder of its code was clean at that commit is not known.',
      ...[files.paritySample, files.importance, files.modelCard].flatMap((file) =>
        'missing' in file ? [file.missing] : [],
      ),
    ],
  };
}
