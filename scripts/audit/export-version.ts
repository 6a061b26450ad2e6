import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMIT_TAG } from '../../activities/client-origin.ts';
import { hasMade } from '../../activities/training-inputs.ts';
import { renderEvidencePage } from '../../console/evidence-page.ts';
import { IN_TOTO_PAYLOAD } from '../../contracts/decision-statement.ts';
import type { CandidateEvidence } from '../../contracts/evidence.ts';
import type { ArtifactRef } from '../../contracts/references.ts';
import type { AuditRow } from '../../registry/audit/chain.ts';
import { sealEnvelope } from '../../registry/audit/envelope.ts';
import { evaluationStatement } from '../../registry/audit/pack/evaluation.ts';
import { mlBom } from '../../registry/audit/pack/ml-bom.ts';
import { type PackedDecisions, VERSION_FILES, versionFolder } from '../../registry/audit/pack/pack-contents.ts';
import { type ClientClaims, provenanceStatement, type VersionOrigin } from '../../registry/audit/pack/provenance.ts';
import type { ModelVersionRecord } from '../../registry/model-versions.ts';
import type { Run } from '../../registry/tracking.ts';
import type { ExportOptions } from './export-pack.ts';
import { writeHistories } from './export-histories.ts';
import type { OpenEnvironment } from './open-environment.ts';

export interface VersionToExport extends ExportOptions {
  readonly record: ModelVersionRecord;
  /** The model's audit. */
  readonly rows: readonly AuditRow[];
  readonly createdAt: string;
}

const MODEL_CARD = 'model-card.md';

/** Writes all that is known of one version; answers what is missing, in words. */
export async function writeVersion(open: OpenEnvironment, subject: VersionToExport): Promise<string[]> {
  const { registry, artifacts } = open;
  const { record, key } = subject;
  const { model, version } = record;
  const folder = join(subject.folder, versionFolder(version));
  await mkdir(join(folder, 'evidence'), { recursive: true });
  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);

  const requests = await registry.transitionRequests(model, version);
  const decisions = (await Promise.all(requests.map(({ id }) => registry.decisions(id)))).flat();
  const packed = decisions.map(async (decision) => {
    return { ...decision, approverLeftAt: await registry.approverLeftAt(decision.approver) };
  });
  const stays = (await registry.productionHistory(model)).filter((stay) => stay.version === version);
  const run = record.runId === null ? undefined : await registry.getRun(record.runId);
  const judgedBy = await registry.evaluationRun(model, version);
  const evaluation = judgedBy === null ? undefined : await registry.getRun(judgedBy);
  await write(VERSION_FILES.version, record);
  await write(VERSION_FILES.requests, requests);
  await write(VERSION_FILES.decisions, (await Promise.all(packed)) satisfies PackedDecisions);
  await write(VERSION_FILES.gates, await registry.gateRecords(model, version));
  await write(VERSION_FILES.production, stays);
  await write(VERSION_FILES.lineage, run ?? null);
  const ofEvaluation = Object.entries(evaluation?.artifacts ?? {}).map(([name, ref]) => [`evaluation/${name}`, ref]);
  await write(VERSION_FILES.artifacts, { onnx: record.onnx, ...run?.artifacts, ...Object.fromEntries(ofEvaluation) });

  const digests = [...new Set(requests.flatMap(({ evidenceDigest }) => evidenceDigest ?? []))];
  const { evidence, missing } = await writeEvidence(open, folder, digests);
  const card = evaluation?.artifacts[MODEL_CARD] ?? run?.artifacts[MODEL_CARD];
  if (card !== undefined) await copyFile(artifacts.path(card), join(folder, VERSION_FILES.modelCard));
  const origin = originOf(open, subject, run);
  await write(VERSION_FILES.provenance, provenanceStatement(origin));
  await write(VERSION_FILES.provenanceSigned, sealEnvelope(key, IN_TOTO_PAYLOAD, provenanceStatement(origin)));
  if (evaluation !== undefined) {
    await write(VERSION_FILES.evaluation, evaluation);
    const statement = evaluationStatement(origin, evaluation);
    await write(VERSION_FILES.evaluationSigned, sealEnvelope(key, IN_TOTO_PAYLOAD, statement));
  }
  const { description, owner } = record;
  const metrics = (evaluation ?? run)?.metrics ?? {};
  const judged = evaluation === undefined ? {} : { evaluation };
  const bom = mlBom({ ...origin, ...judged, description, owner, metrics, evidence, at: subject.createdAt });
  await write(VERSION_FILES.bom, bom);
  const histories = await writeHistories(open, folder, subject, origin.workflowId);
  await write(VERSION_FILES.histories, histories);
  return [
    ...missing,
    ...(card === undefined ? [`model card of version ${version}`] : []),
    ...histories.filter(({ file }) => file === null).map(({ workflowId, note }) => `history of ${workflowId}: ${note}`),
  ].map((what) => (what.includes(`version ${version}`) ? what : `version ${version}: ${what}`));
}

/** A registry client may name any run beside its file: only the one that made this very file tells how that was made. */
function originOf({ environment }: OpenEnvironment, subject: VersionToExport, run: Run | undefined): VersionOrigin {
  const { model, version, onnx, runId } = subject.record;
  const made = run !== undefined && onnx !== null && hasMade(run, onnx);
  const isOfEngine = run?.inputs['pinned'] !== undefined;
  const told = made || !isOfEngine ? run : undefined;
  const workflowId = told?.inputs['workflowId'];
  return {
    ...{ environment, model, version, onnx, runId },
    inputs: told?.inputs ?? {},
    params: told?.params ?? {},
    artifacts: told?.artifacts ?? {},
    workflowId: typeof workflowId === 'string' ? workflowId : null,
    startedAt: told?.startedAt ?? null,
    endedAt: told?.endedAt ?? null,
    client: made ? null : clientClaims(subject, told),
  };
}

function clientClaims({ record, rows }: VersionToExport, run: Run | undefined): ClientClaims {
  const { source, userId, createdAt, runId, version } = record;
  const registered = rows.find((row) => row.action === 'REGISTERED_VERSION' && row.version === version);
  return {
    ...{ source, runId },
    registeredBy: userId,
    proof: registered?.proof ?? null,
    registeredAt: createdAt,
    commit: run?.tags[COMMIT_TAG] ?? null,
  };
}

/** Evidence lies in the artifact store under its own digest; the page is made anew from it, as it was made then. */
async function writeEvidence({ artifacts }: OpenEnvironment, folder: string, digests: readonly string[]) {
  const missing: string[] = [];
  let evidence: CandidateEvidence | undefined;
  for (const digest of digests) {
    if (!(await artifacts.has(digest))) {
      missing.push(`evidence ${digest}`);
      continue;
    }
    const ref: ArtifactRef = { uri: `artifact:sha256/${digest}`, sha256: digest, bytes: 0 };
    await copyFile(artifacts.path(ref), join(folder, 'evidence', `${digest}.json`));
    const page = await renderPage(join(folder, 'evidence', `${digest}.json`), digest).catch(() => undefined);
    if (page === undefined) missing.push(`page of evidence ${digest}: it is of another form than this program reads`);
    else {
      ({ evidence } = page);
      await writeFile(join(folder, 'evidence', `${digest}.html`), page.html);
    }
  }
  return { evidence, missing };
}

async function renderPage(file: string, digest: string) {
  const evidence = JSON.parse(await readFile(file, 'utf8')) as CandidateEvidence;
  return { evidence, html: await renderEvidencePage({ evidence, digest, commands: [] }) };
}
