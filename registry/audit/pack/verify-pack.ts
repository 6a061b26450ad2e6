import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IN_TOTO_PAYLOAD, readSignedStatement } from '../../../contracts/decision-statement.ts';
import { isSignedBy } from '../../../contracts/dsse.ts';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { Decision } from '../../decisions.ts';
import { REGISTRY_PRINCIPAL } from '../../identity/server-key.ts';
import { archivedHistoryOf } from '../archived-histories.ts';
import type { AuditRow } from '../chain.ts';
import { fingerprintOf, openEnvelope } from '../envelope.ts';
import { readHead } from '../heads.ts';
import { proofFault, type ProofLine } from './chain-proof.ts';
import { listFiles, MANIFEST, MANIFEST_SIGNATURE, type PackManifest } from './manifest.ts';
import {
  PACK_FILES,
  VERSION_FILES,
  versionFolder,
  type PackedDecisions,
  type PackedHistory,
  type PackedKeys,
  type PackedRequests,
  type PackedVersion,
} from './pack-contents.ts';

/** One thing that was looked at. */
export interface PackCheck {
  readonly what: string;
  /** Empty when it holds. */
  readonly faults: readonly string[];
}

export interface PackVerification {
  readonly ok: boolean;
  readonly checks: readonly PackCheck[];
  /** What was not looked at, since the files are not those that were signed. */
  readonly unread: readonly string[];
  /** Sha256 of the key that signed: compare it with what you know of the environment. */
  readonly fingerprint: string;
  readonly manifest: PackManifest;
}

/**
 * Verifies an evidence pack with nothing but its files: the signature of its list, every file, the audit's rows up to
 * the signed head, signed decisions, evidence, archived histories.
 *
 * @param keys public keys in hex, or fingerprints, one of which must have signed; none: whichever key lies inside
 * @throws InvalidInput when the folder is no pack
 */
export async function verifyPack(folder: string, keys: readonly string[]): Promise<PackVerification> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new SuperstepError(
      'InvalidInput',
      `${folder} is no evidence pack: it has no ${MANIFEST}; expected the folder that npm run audit -- export wrote`,
      { folder },
    );
  });
  const manifest = JSON.parse(text) as PackManifest;
  const fingerprint = fingerprintOf(manifest.publicKey);
  const checks: PackCheck[] = [
    { what: 'signature of the manifest', faults: await signatureFaults(folder, text, manifest) },
    { what: 'signing key', faults: keyFaults(manifest.publicKey, fingerprint, keys) },
    { what: 'files', faults: fileFaults(manifest, await listFiles(folder)) },
  ];
  // What is not what was signed may have any shape: nothing in it is read.
  const isSigned = checks.every(({ faults }) => faults.length === 0);
  if (isSigned) checks.push(...(await contentChecks(folder, manifest)));
  const ok = checks.every(({ faults }) => faults.length === 0);
  return { ok, checks, unread: isSigned ? [] : CONTENTS, fingerprint, manifest };
}

/** What {@link contentChecks} looks at. */
const CONTENTS = ['audit', 'decisions', 'evidence', 'statements', 'histories'] as const;

async function signatureFaults(folder: string, text: string, { publicKey }: PackManifest): Promise<string[]> {
  const opened = openEnvelope(await readJson<unknown>(folder, MANIFEST_SIGNATURE), IN_TOTO_PAYLOAD, [publicKey]);
  if (!opened.ok) return [opened.problem];
  return subjectOf(opened.value) === sha256Hex(text) ? [] : [`${MANIFEST} is not the one that was signed`];
}

function keyFaults(publicKey: string, fingerprint: string, keys: readonly string[]): string[] {
  if (keys.length === 0 || keys.some((key) => key === publicKey || key === fingerprint)) return [];
  return [`it was signed by ${fingerprint}; expected ${keys.join(' or ')}`];
}

function fileFaults({ files }: PackManifest, found: PackManifest['files']): string[] {
  const paths = [...new Set([...Object.keys(files), ...Object.keys(found)])].sort();
  return paths.flatMap((path) => {
    const [stated, actual] = [files[path], found[path]];
    if (stated === undefined) return [`${path} does not belong here`];
    if (actual === undefined) return [`${path} is missing`];
    return stated.sha256 === actual.sha256 ? [] : [`${path} was altered`];
  });
}

async function contentChecks(folder: string, manifest: PackManifest): Promise<PackCheck[]> {
  const lines = (await readFile(join(folder, PACK_FILES.audit), 'utf8')).split('\n').filter((line) => line !== '');
  const proof = lines.map((line) => JSON.parse(line) as ProofLine);
  const head = readHead(await readJson<unknown>(folder, PACK_FILES.head), [manifest.publicKey]);
  const proofProblem = head.ok ? proofFault(proof, head.value) : head.problem;
  const rows = proof.flatMap((line) => ('row' in line ? [line.row] : []));
  const keys = await readJson<PackedKeys>(folder, PACK_FILES.keys);
  const ofVersions = manifest.versions.map(async (version) => {
    const inVersion = join(folder, versionFolder(version));
    return [
      { what: `decisions of version ${version}`, faults: await decisionFaults(inVersion, keys, rows) },
      { what: `evidence of version ${version}`, faults: await evidenceFaults(inVersion, manifest, version) },
      { what: `statements of version ${version}`, faults: await statementFaults(inVersion, manifest, version) },
      { what: `histories of version ${version}`, faults: await historyFaults(inVersion, manifest, version, rows) },
    ];
  });
  return [
    { what: 'audit, from its rows to the signed head', faults: proofProblem === undefined ? [] : [proofProblem] },
    ...(await Promise.all(ofVersions)).flat(),
  ];
}

/** A decision that counts is in the audit; one that claims a proof carries a statement that its key signed, on this ground. */
async function decisionFaults(folder: string, keys: PackedKeys, rows: readonly AuditRow[]): Promise<string[]> {
  const version = await readJson<PackedVersion>(folder, VERSION_FILES.version);
  const requests = await readJson<PackedRequests>(folder, VERSION_FILES.requests);
  const decisions = (await readJson<PackedDecisions>(folder, VERSION_FILES.decisions)).filter((d) => d.counted);
  return decisions.flatMap((decision) => {
    const who = `the ${decision.decision} of ${decision.approver} of ${decision.recordedAt}`;
    const recorded = rows.some(
      ({ action, by, at, proof }) =>
        action === 'RECORDED_DECISION' &&
        by === decision.approver &&
        at === decision.recordedAt &&
        proof === decision.proof,
    );
    const faults = recorded ? [] : [`${who}, proved by ${decision.proof}, is not in the audit`];
    if (decision.proof === 'claimed') return faults;
    const request = requests.find(({ id }) => id === decision.requestId);
    const problem = statementProblem(decision, keys, version, request?.evidenceDigest ?? null);
    return problem === undefined ? faults : [...faults, `${who}: ${problem}`];
  });
}

function statementProblem(
  decision: Decision,
  keys: PackedKeys,
  { onnx }: PackedVersion,
  evidenceDigest: string | null,
): string | undefined {
  const read = readSignedStatement(decision.statement);
  if (!read.ok) return read.problem;
  const { envelope, statement } = read.value;
  const key = keys.find(({ keyId }) => keyId === envelope.signatures[0].keyid);
  if (key === undefined) return `it names the key ${envelope.signatures[0].keyid}, which is not in ${PACK_FILES.keys}`;
  if (!isSignedBy(envelope, key.publicKey)) return `the key ${key.keyId} did not sign it`;
  const { predicate, subject } = statement;
  if (predicate.decision !== decision.decision || predicate.approver !== decision.approver) {
    return `the signed statement says ${predicate.decision} of ${predicate.approver}`;
  }
  // A person signs for itself; for whom it has authenticated, the registry does.
  const signer = predicate.proof === 'signature' ? decision.approver : REGISTRY_PRINCIPAL;
  if (key.principal !== signer) return `the key ${key.keyId} is ${key.principal}'s, not ${signer}'s`;
  if (predicate.evidenceDigest !== evidenceDigest) return `it was signed on evidence ${predicate.evidenceDigest}`;
  return onnx === null || subject[0].digest.sha256 === onnx.sha256
    ? undefined
    : `it was signed for a file of sha256 ${subject[0].digest.sha256}`;
}

/** Evidence bears its digest as name; the manifest has checked the rest. */
async function evidenceFaults(folder: string, { files }: PackManifest, version: number): Promise<string[]> {
  const requests = await readJson<PackedRequests>(folder, VERSION_FILES.requests);
  const digests = new Set(requests.flatMap(({ evidenceDigest }) => evidenceDigest ?? []));
  return [...digests].flatMap((digest) => {
    const file = files[`${versionFolder(version)}/evidence/${digest}.json`];
    // Missing evidence is told by the manifest: the pack says so itself.
    return file === undefined || file.sha256 === digest ? [] : [`evidence ${digest} has the sha256 ${file.sha256}`];
  });
}

/** What the environment states of the version's file, each under its own signature, for those who pass it on alone. */
async function statementFaults(folder: string, { files, publicKey }: PackManifest, number: number): Promise<string[]> {
  const { onnx } = await readJson<PackedVersion>(folder, VERSION_FILES.version);
  const faults: string[] = [];
  for (const name of [VERSION_FILES.provenanceSigned, VERSION_FILES.evaluationSigned]) {
    // Packs of before, and versions that were trained here, have no evaluation.
    if (files[`${versionFolder(number)}/${name}`] === undefined) continue;
    const opened = openEnvelope(await readJson<unknown>(folder, name), IN_TOTO_PAYLOAD, [publicKey]);
    if (!opened.ok) faults.push(`${name}: ${opened.problem}`);
    else if (subjectOf(opened.value) !== (onnx?.sha256 ?? null)) faults.push(`${name} is about another file`);
  }
  return faults;
}

/** The sha256 of what a statement is about; null for one about nothing. */
function subjectOf(statement: unknown): string | null {
  const { subject } = statement as { readonly subject: readonly { readonly digest: { readonly sha256: string } }[] };
  return subject[0]?.digest.sha256 ?? null;
}

async function historyFaults(
  folder: string,
  { files }: PackManifest,
  version: number,
  rows: readonly AuditRow[],
): Promise<string[]> {
  const kept = new Map(
    rows.flatMap((row) => archivedHistoryOf(row) ?? []).map(({ runId, history }) => [runId, history.sha256]),
  );
  const histories = await readJson<readonly PackedHistory[]>(folder, VERSION_FILES.histories);
  return histories.flatMap(({ workflowId, runId, file, archived }) => {
    if (!archived || file === null || runId === null) return [];
    const sha256 = files[`${versionFolder(version)}/${file}`]?.sha256;
    return sha256 === kept.get(runId) ? [] : [`the history of ${workflowId} is not the one that the audit names`];
  });
}

async function readJson<T>(folder: string, name: string): Promise<T> {
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
}
