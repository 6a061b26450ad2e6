/** The order in which a stack ends: what takes work from others goes first. */
const PHASES = ['workers', 'registry', 'endpoints', 'pages', 'server', 'home'] as const;

export interface Undo {
  /** Registers how something that has just been started is stopped. */
  readonly push: (phase: (typeof PHASES)[number], step: () => Promise<void>) => void;
  /** Stops everything, phase by phase; within a phase at once. One that fails does not keep the others alive. */
  readonly run: () => Promise<void>;
}

/** Collects how to stop what has been started, for a clean end whether the start succeeds or not. */
export function createUndo(): Undo {
  const steps = new Map<string, (() => Promise<void>)[]>();
  return {
    push: (phase, step) => steps.set(phase, [...(steps.get(phase) ?? []), step]),
    run: async () => {
      const failures: unknown[] = [];
      for (const phase of PHASES) {
        const results = await Promise.allSettled((steps.get(phase) ?? []).map((step) => step()));
        steps.delete(phase);
        failures.push(...results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** Awaits `work`, but rejects with the signal's reason as soon as that aborts. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
