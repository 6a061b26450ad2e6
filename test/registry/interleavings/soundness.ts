import { expect } from 'vitest';
import type { Activity } from '../../../registry/activity-log.ts';
import { streamRows } from '../../../registry/audit/rows.ts';
import { verifyChain } from '../../../registry/audit/verification.ts';
import type { Decision } from '../../../registry/decisions.ts';
import type { RegistryDatabase } from '../../../registry/database.ts';
import type { Act } from '../../../registry/models/act.ts';
import { selectRequests, type TransitionRequest } from '../../../registry/open-requests.ts';
import type { ProductionStay } from '../../../registry/production-history.ts';
import type { Registry } from '../../../registry/registry.ts';

/** A row of `model_versions`, as far as these tests look. */
interface VersionRow {
  readonly version: number;
  readonly stage: string;
  readonly deleted_at: string | null;
}

interface Found {
  readonly name: string;
  readonly deleted: boolean;
  readonly versions: readonly VersionRow[];
  readonly stays: readonly ProductionStay[];
  readonly log: readonly Activity[];
  readonly requests: readonly TransitionRequest[];
  readonly decisions: readonly Decision[];
}

/** What must hold of every model whose name has a mark in it, whatever was done to it, by whomever, in whatever order. */
export async function expectSound(
  db: RegistryDatabase,
  registry: Registry,
  mark: string,
  directChanges: Act['directChanges'],
): Promise<void> {
  const models = await db.read((knex) =>
    knex('registered_models')
      .where('name', 'like', `%${mark}%`)
      .select<{ name: string; deleted_at: string | null }[]>('name', 'deleted_at'),
  );
  for (const { name, deleted_at: deletedAt } of models) {
    const found = await find(db, registry, name, deletedAt !== null);
    expectOneProduction(found);
    expectReasons(found);
    expectNeverEmptied(found, directChanges);
    expectGates(found);
    expectNoGateClosesAlone(found);
    expectAuditTells(found);
    await expectAliases(db, found);
  }
}

/** The audit of all models together is one whole chain. */
export async function expectWholeChain(db: RegistryDatabase): Promise<void> {
  expect(await verifyChain(streamRows(db), [])).not.toHaveProperty('fault');
}

async function find(db: RegistryDatabase, registry: Registry, name: string, deleted: boolean): Promise<Found> {
  const versions = await db.read((knex) =>
    knex('model_versions').where({ model: name }).orderBy('version').select<VersionRow[]>('*'),
  );
  const requests = await db.read((knex) => selectRequests(knex, { model: name }));
  const decisions = (await Promise.all(requests.map(({ id }) => registry.decisions(id)))).flat();
  const stays = await registry.productionHistory(name);
  return { name, deleted, versions, stays, log: await registry.activityLog(name), requests, decisions };
}

/** At most one Production, and its history says the same; what is deleted is in Production no more. */
function expectOneProduction({ name, deleted, versions, stays }: Found): void {
  const production = versions.filter(({ stage }) => stage === 'Production');
  expect(production.length, name).toBeLessThanOrEqual(1);
  if (deleted) expect(production, name).toEqual([]);
  for (const { deleted_at: deletedAt } of production) expect(deletedAt, name).toBeNull();
  const current = stays.filter(({ leftAt }) => leftAt === null);
  expect(
    current.map(({ version }) => version),
    name,
  ).toEqual(production.map(({ version }) => version));
}

/** Every stay in Production has its decision, or its reason, and whoever gave it. */
function expectReasons({ stays, requests, decisions, log }: Found): void {
  for (const [i, stay] of stays.entries()) {
    const { version, enteredAt: at, decidedBy } = stay;
    const before = stays[i - 1];
    const request = requests.find(({ id }) => id === stay.requestId);
    expect(stay.reason).not.toBe('');
    expect(decidedBy).not.toEqual([]);
    if (stay.enteredThrough === 'promotion') {
      // It took the place of the version that its evidence compares with, and of no other.
      const expectedChampion = before?.leftAt === at ? before.version : null;
      const { evidenceDigest } = stay;
      expect(request).toMatchObject({ version, status: 'approved', evidenceDigest, expectedChampion });
      const approvals = decisions.filter((d) => d.requestId === request?.id && d.counted && d.decision === 'approve');
      expect(approvals.map(({ approver }) => approver)).toEqual(decidedBy);
    } else {
      const action = stay.enteredThrough === 'rollback' ? 'ROLLED_BACK' : 'APPLIED_TRANSITION';
      const moved = { at, version, action, toStage: 'Production', by: decidedBy[0] };
      expect(log).toContainEqual(expect.objectContaining(moved));
    }
    if (stay.enteredThrough === 'break-glass') {
      expect(log).toContainEqual(expect.objectContaining({ at, action: 'BROKE_GLASS', by: 'breaker' }));
    }
  }
  const promotions = stays.filter(({ enteredThrough }) => enteredThrough === 'promotion');
  expect(new Set(promotions.map(({ requestId }) => requestId)).size).toBe(promotions.length);
}

/** One stay follows the other, unless somebody with the right to it emptied Production, and the audit says who. */
function expectNeverEmptied({ name, stays, log }: Found, directChanges: Act['directChanges']): void {
  for (const [i, { version, leftAt }] of stays.entries()) {
    const next = stays[i + 1];
    if (next !== undefined) expect(leftAt, name).not.toBeNull();
    if (leftAt === null || next?.enteredAt === leftAt) continue;
    const then = log.filter(({ at }) => at === leftAt);
    const left = then.find((entry) => entry.version === version && entry.fromStage === 'Production');
    expect(['manager', 'root', 'breaker'], name).toContain(left?.by);
    if (directChanges === 'allowed') continue;
    expect(then, name).toContainEqual(expect.objectContaining({ action: 'BROKE_GLASS', by: 'breaker' }));
  }
}

/** One gate is open at most, and of a version in Staging. */
function expectGates({ name, requests, versions }: Found): void {
  const open = requests.filter(({ status, toStage }) => status === 'open' && toStage === 'Production');
  expect(open.length, name).toBeLessThanOrEqual(1);
  for (const { version } of open) {
    expect(versions.find((v) => v.version === version)).toMatchObject({ stage: 'Staging', deleted_at: null });
  }
  for (const { version, status, closedAt } of requests) {
    const there = versions.find((v) => v.version === version);
    const waits = status === 'open' || status === 'asked';
    expect(closedAt === null, name).toBe(waits);
    if (waits) expect(there).toMatchObject({ deleted_at: null });
  }
}

const ENDINGS = ['GATE_OPENED', 'REQUESTED_TRANSITION', 'RENAMED_MODEL', 'DELETED_MODEL', 'DELETED_VERSION'];

/** A gate closes with what closed it, in one act: its version moves or goes, or asks on other evidence. */
function expectNoGateClosesAlone({ name, requests, log }: Found): void {
  for (const { version, toStage, status, evidenceDigest, closedAt } of requests) {
    if (toStage !== 'Production' || evidenceDigest === null || closedAt === null) continue;
    const then = log.filter((entry) => entry.at === closedAt && [0, version].includes(entry.version));
    const why = then.filter((entry) => entry.fromStage === 'Staging' || ENDINGS.includes(entry.action));
    expect(why, `the gate of ${name} version ${version}, ${status}`).not.toEqual([]);
  }
}

/** The audit alone tells every stage: each move begins where the one before ended. No number was given out twice. */
function expectAuditTells({ name, log, versions }: Found): void {
  const told = new Map<number, string>();
  for (const { action, version, fromStage, toStage } of log) {
    if (action === 'REGISTERED_VERSION') {
      expect(told.has(version), `${name} version ${version}`).toBe(false);
      told.set(version, 'None');
    } else if (action === 'DELETED_VERSION') {
      told.set(version, 'Deleted_Internal');
    } else if (fromStage !== null && toStage !== null) {
      expect(told.get(version), `${name} version ${version}`).toBe(fromStage);
      told.set(version, toStage);
    }
  }
  expect(versions.map(({ version, stage }) => [version, stage])).toEqual([...told].sort(([a], [b]) => a - b));
  expect(versions.map(({ version }) => version)).toEqual(versions.map((_, i) => i + 1));
}

async function expectAliases(db: RegistryDatabase, { name, versions }: Found): Promise<void> {
  const pointed = await db.read((knex) => knex('aliases').where({ model: name }).pluck('version'));
  const there = versions.filter(({ deleted_at: deletedAt }) => deletedAt === null).map(({ version }) => version);
  for (const version of pointed) expect(there, name).toContain(version);
}
