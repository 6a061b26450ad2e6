import type { Registry } from '../../../registry/registry.ts';
import { digestOf, passed, takesNames } from '../open-test-registry.ts';
import { newKey, type Send, type World } from './world.ts';

/** A promotion as its workflow makes it: registered, checked, compared, asked, answered, done. */
export interface Promotion {
  readonly kind: 'promotion';
  readonly model: string;
  /** A version that is there already; 0 to register a new one. */
  readonly version: number;
  readonly answer: 'approve' | 'reject' | 'nothing';
}

/** How often the comparison runs again when the champion has changed. */
const COMPARISONS = 3;

export async function promote(
  world: World,
  registry: Registry,
  { model, version: given, answer }: Promotion,
  send: Send,
): Promise<void> {
  const key = newKey();
  const version = given === 0 ? await register(world, registry, model, send) : given;
  const gate = { ...passed(model, version), naturalKey: key };
  await send('pass', () => registry.recordGate(gate));
  for (let round = 1; round <= COMPARISONS; round++) {
    const outcome = await askForProduction(registry, { model, version, answer, key: `${key}/${round}` }, send);
    if (outcome !== 'champion-changed') return;
  }
}

export async function register({ made }: World, registry: Registry, model: string, send: Send): Promise<number> {
  const naturalKey = newKey();
  const named = { naturalKey, model, ...made, description: '', tags: {}, owner: 'team' };
  return (await send('register', () => registry.registerModelVersion(named))).version;
}

interface Asking extends Pick<Promotion, 'model' | 'version' | 'answer'> {
  readonly key: string;
}

async function askForProduction(
  registry: Registry,
  { model, version, answer, key }: Asking,
  send: Send,
): Promise<string> {
  const champion = await send('look', () => registry.productionVersion(model));
  const expectedChampion = champion?.version ?? null;
  const evidenceDigest = digestOf(key);
  const ground = { model, version, evidenceDigest, expectedChampion, workflowId: `promote-model/${model}/${version}` };
  const opened = await send('open', () =>
    registry.openApproval({ ...ground, naturalKey: `open/${key}`, requestedBy: 'superstep' }),
  );
  if (opened.outcome !== 'open') return opened.outcome;
  const { requestId } = opened;
  if (answer !== 'nothing') {
    const said = { approver: 'governance', decision: answer, comment: 'because', evidence: '', counted: true };
    const decision = {
      ...said,
      naturalKey: `decide/${key}`,
      model,
      version,
      requestId,
      receivedVia: 'signal' as const,
    };
    await send(
      'decide',
      () => registry.recordDecision(decision),
      () => true,
    );
  }
  if (answer !== 'approve') {
    const outcome = answer === 'reject' ? 'rejected' : 'expired';
    await send('close', () => registry.closeApproval({ requestId, outcome, by: 'superstep', comment: 'in time' }));
    return outcome;
  }
  const promotion = { ...ground, naturalKey: `promote/${key}`, requestId, rules: takesNames() };
  const result = await send(
    'promote',
    () => registry.promote(promotion),
    ({ outcome }) => outcome === 'promoted',
  );
  return result.outcome;
}

export interface Rollback {
  readonly kind: 'rollback';
  readonly model: string;
}

export async function rollBack(registry: Registry, { model }: Rollback, send: Send): Promise<void> {
  const input = { naturalKey: newKey(), model, reason: 'slow', requestedBy: 'ml-lead', allowed: ['ml-lead'] };
  await send(
    'roll back',
    () => registry.rollBack(input),
    () => true,
  );
}
