const EVERY_MS = 1_000;

/**
 * Rings a doorbell each second until it is stopped; one ring ends before the next begins. A fault that stays is told
 * once, by `what` was being done: while Temporal is away nothing is delivered, and nothing is lost.
 */
export function ringDoorbell(
  ring: () => Promise<unknown>,
  report: (error: unknown, request: string) => void,
  what = 'starting deliveries',
): { readonly stop: () => Promise<void> } {
  let told = '';
  let stopped = false;
  let wake: (() => void) | undefined;
  const once = async (): Promise<void> => {
    try {
      await ring();
      told = '';
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      if (found !== told) report(error, what);
      told = found;
    }
  };
  const running = (async () => {
    while (!stopped) {
      await once();
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, EVERY_MS).unref();
        if (stopped) resolve();
      });
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      wake?.();
      await running;
    },
  };
}
