import { setTimeout as pause } from 'node:timers/promises';
import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import { namesDigest, SHORTEST_DIGEST } from '../../contracts/approval.ts';
import { MESSAGE_NAMES, type WaitingGate, type WorkflowStatus } from '../../contracts/messages.ts';
import { quorumText } from '../../contracts/quorum.ts';
import { messageForPerson } from '../message-for-person.ts';

const PATIENCE_MS = 15_000;

/** What a gate waits for. @throws when nothing of the id runs, or it does not wait */
export async function readWaitingGate(client: Client, workflowId: string): Promise<WaitingGate> {
  const { waitsFor, phase, details } = await queryStatus(client, workflowId);
  // One that was cancelled or terminated while it waited says so still.
  const ended = await howItEnded(client, workflowId);
  if (waitsFor !== undefined && ended === undefined) return waitsFor;
  throw messageForPerson(
    `${workflowId} does not wait for a decision: ${ended ?? `its phase is "${phase}". What it says:\n\n${details}`}`,
  );
}

/** Undefined for one that runs, or has come to its result, which it tells itself. */
async function howItEnded(client: Client, workflowId: string): Promise<string | undefined> {
  const handle = client.workflow.getHandle(workflowId);
  const { name } = (await handle.describe()).status;
  if (name === 'RUNNING' || name === 'COMPLETED') return undefined;
  const error: unknown = await handle.result().catch((failure: unknown) => failure);
  const why = rootCause(error instanceof WorkflowFailedError ? error.cause : error) ?? 'it does not say why';
  return `it has ended, ${name.toLowerCase().replace('_', ' ')}: ${why}`;
}

async function queryStatus(client: Client, workflowId: string): Promise<WorkflowStatus> {
  try {
    return await client.workflow.getHandle(workflowId).query<WorkflowStatus>(MESSAGE_NAMES.status);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const list = `npm run temporal -- workflow list -n ${client.options.namespace} --query 'MlGate = "approval" AND ExecutionStatus = "Running"'`;
    throw messageForPerson(`there is no ${workflowId} in ${client.options.namespace}; what waits there:\n  ${list}`);
  }
}

/** @throws when the gate waits on other evidence than the person looked at */
export function requireSameEvidence({ evidenceDigest, evidenceUrl }: WaitingGate, seen: string | undefined): void {
  if (seen === undefined || namesDigest(seen, evidenceDigest)) return;
  throw messageForPerson(
    `the gate waits on evidence ${evidenceDigest.slice(0, SHORTEST_DIGEST)}, not on ${seen}. Look at it: ${evidenceUrl}`,
  );
}

/** The gate once it knows the key: one that was added after it opened it only learns of when it is woken. */
export async function gateThatKnows(client: Client, workflowId: string, keyId: string): Promise<WaitingGate> {
  const knows = (gate: WaitingGate): boolean => gate.rules.keys.some((key) => key.keyId === keyId);
  let gate = await readWaitingGate(client, workflowId);
  if (knows(gate)) return gate;
  await client.workflow.getHandle(workflowId).signal(MESSAGE_NAMES.groundMoved);
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    await pause(200);
    gate = await readWaitingGate(client, workflowId);
    if (knows(gate)) return gate;
  }
  const owners = gate.rules.keys.map((key) => `${key.keyId} (${key.owner})`).join(', ') || 'none';
  throw messageForPerson(
    `the gate does not know key ${keyId}; it knows ${owners}. An administrator adds yours to your name (npm run users -- key add NAME PUBLIC-KEY), and your name must hold one of the roles ${gate.rules.approvers.join(', ')} (npm run users -- list shows both)`,
  );
}

/** What a person should have seen before the decision goes out. */
export function describeGate(
  workflowId: string,
  { rules, evidenceDigest, evidenceUrl, until, freeze }: WaitingGate,
): string {
  const { ground, proof, approvers, quorum, requester, separateRequester } = rules;
  return [
    freeze === undefined
      ? `${workflowId} in ${ground.environment} waits until ${until}`
      : `${workflowId} in ${ground.environment} is approved, and promoted when the freeze ends, ${freeze.until} (${freeze.reasons.join('; ')}); until then a reject still closes it`,
    `  model     ${ground.model} version ${ground.version}, sha256 ${ground.modelDigest || 'not pinned'}`,
    `  evidence  ${evidenceDigest}`,
    `            ${evidenceUrl}`,
    `  evaluated on snapshot ${ground.snapshot}, request ${ground.requestId}`,
    `  counts    ${quorumText(quorum, approvers)}, proof: ${proof}${separateRequester ? `, not from ${requester}` : ''}`,
  ].join('\n');
}
