import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import type { ArtifactRef } from '../../../contracts/references.ts';
import { createArtifactStore } from '../../../registry/artifact-store.ts';
import { openRegistryDatabase, type RegistryDatabase } from '../../../registry/database.ts';
import { createRegistry, type Registry } from '../../../registry/registry.ts';
import { openTestDatabase } from '../test-database.ts';

/** One registry, reached over two connections, as two processes reach it. */
export interface World {
  readonly handles: readonly Registry[];
  readonly db: RegistryDatabase;
  /** What every version of these tests is made from. */
  readonly made: { readonly runId: string; readonly onnx: ArtifactRef };
  readonly close: () => Promise<void>;
}

export interface WorldOptions {
  /** Stays when the world ends; the default is a folder that goes with it. */
  readonly folder?: string;
  /** The default counts seconds from 2001 on, so that an instant names a transaction. */
  readonly now?: () => Date;
}

export async function openWorld({ folder, now = countedSeconds() }: WorldOptions = {}): Promise<World> {
  const first = await openTestDatabase(folder === undefined ? {} : { folder });
  const second = openRegistryDatabase(first.location);
  const artifacts = createArtifactStore({ folder: `${first.folder}/artifacts` });
  const handles = [first.db, second].map((db) => createRegistry({ db, artifacts, now }));
  const onnx = await artifacts.putBytes(Buffer.from('a model'));
  const details = { params: {}, metrics: {}, tags: {}, artifacts: { 'model.onnx': onnx }, inputs: {} };
  const run = { naturalKey: 'run', experiment: 'all', name: 'run', ...details };
  const { runId } = await (handles[0] as Registry).logRun(run);
  const close = async (): Promise<void> => {
    await second.close();
    await first.close();
  };
  return { handles, db: first.db, made: { runId, onnx }, close };
}

function countedSeconds(): () => Date {
  let clock = Date.parse('2001-03-01T00:00:00Z');
  return () => new Date((clock += 1000));
}

/** How a call gets its turn among those of the others. */
export type Turn = <T>(what: string, call: () => Promise<T>) => Promise<T>;

/** How an actor sends its calls: at least once, and perhaps not to the end. */
export interface Sending {
  /** How often each call is sent, in turn. */
  readonly times: readonly number[];
  /** The actor ends after so many calls, and does not see the answer to the last one. */
  readonly dies: number;
  /** Whether all that it sent arrives once more when it has ended. */
  readonly echo: boolean;
}

/** Sends a call. What is `lasting` has the same answer every time, whatever happens in between. */
export type Send = <T>(what: string, call: () => Promise<T>, lasting?: (answer: T) => boolean) => Promise<T>;

const REFUSALS = ['IllegalTransition', 'StaleDecision', 'NotAuthorized', 'InvalidInput', 'AlreadyExists'];
const UNKNOWN = ['UnknownModel', 'UnknownResource'];

class Died extends Error {}

/** Runs an actor to its end; refusals end it, all other faults fail the test. `reached` gets what came of its calls. */
export async function act(
  turn: Turn,
  { times, dies, echo }: Sending,
  reached: Set<string>,
  work: (send: Send) => Promise<void>,
): Promise<void> {
  const sent: (() => Promise<unknown>)[] = [];
  let calls = 0;
  const send: Send = async (what, call, lasting = () => false) => {
    let answer: { readonly value: Awaited<ReturnType<typeof call>> } | undefined;
    const once = async () => {
      const value = await turn(what, call);
      reached.add(`${what}: ${outcomeOf(value)}`);
      if (answer !== undefined) expect(value).toEqual(answer.value);
      else if (lasting(value)) answer = { value };
      return value;
    };
    sent.push(once);
    const repeats = times[calls % times.length] ?? 1;
    calls += 1;
    let value = await once();
    for (let i = 1; i < repeats; i++) value = await once();
    if (calls >= dies) throw new Died(what);
    return value;
  };
  await unlessRefused(reached, () => work(send));
  if (echo) for (const once of sent) await unlessRefused(reached, once);
}

async function unlessRefused(reached: Set<string>, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Died) return;
    if (!(error instanceof SuperstepError) || ![...REFUSALS, ...UNKNOWN].includes(error.type)) throw error;
    reached.add(error.type);
  }
}

function outcomeOf(value: unknown): string {
  return (value as { outcome?: string } | undefined)?.outcome ?? 'done';
}

/** A key that no call had before. */
export function newKey(): string {
  return randomUUID();
}
