import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../contracts/environments.ts';
import { gitState } from './git-state.ts';
import { loadPolicy, type LoadedPolicy } from './load-policy.ts';

/** A policy, and the commit that its file equals; null where there is none. */
export interface ReadPolicy extends LoadedPolicy {
  readonly commit: string | null;
}

export interface PolicyReaderDeps {
  readonly folder: string;
  readonly environment: Environment;
  /** Told of each policy that comes into force, before it does. */
  readonly onChange: (policy: ReadPolicy) => Promise<void>;
  /** Told when a changed file cannot be read as a policy: the one before stays in force. */
  readonly onMistake: (error: unknown) => void;
}

/**
 * The environment's policy as it stands now, for servers that ask at every request: the file is read again only when
 * it has changed. A mistake in it is told once and changes nothing; only the first reading throws.
 */
export function createPolicyReader({ folder, environment, onChange, onMistake }: PolicyReaderDeps) {
  const file = `${environment}.yaml`;
  let state: { readonly version: string; readonly policy: ReadPolicy } | undefined;
  let reading: Promise<ReadPolicy> | undefined;

  const read = async (version: string): Promise<ReadPolicy> => {
    try {
      const loaded = await loadPolicy(folder, environment);
      const { commit, clean } = await gitState(folder, [file]);
      const policy = { ...loaded, commit: clean === true ? commit : null };
      await onChange(policy);
      state = { version, policy };
    } catch (error) {
      if (state === undefined) throw error;
      onMistake(error);
      state = { ...state, version };
    }
    return state.policy;
  };

  return async (): Promise<ReadPolicy> => {
    const { mtimeMs, size, ino } = await stat(join(folder, file)).catch(() => ({ mtimeMs: 0, size: 0, ino: 0 }));
    const version = `${mtimeMs}/${size}/${ino}`;
    if (state?.version === version) return state.policy;
    reading ??= read(version).finally(() => (reading = undefined));
    return reading;
  };
}
