import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { ConfirmServingInput, FollowingReport } from '../contracts/promote-model.ts';

// The endpoint follows the registry within two seconds; an endpoint that is down catches up by itself when it is back.
const PATIENCE: Patience = { patienceMs: 20_000, intervalMs: 100 };

interface Patience {
  readonly patienceMs: number;
  readonly intervalMs: number;
}

/** Waits until the endpoint says that it serves the version; `failed`, with what it said instead, when it does not in time. */
export async function confirmServing(
  endpointUrl: string,
  { model, version }: ConfirmServingInput,
  { patienceMs, intervalMs } = PATIENCE,
): Promise<FollowingReport> {
  const url = `${endpointUrl}/v2/models/${encodeURIComponent(model)}`;
  const deadline = Date.now() + patienceMs;
  const { cancellationSignal } = Context.current();
  for (;;) {
    const seen = await servedVersion(url, cancellationSignal);
    if (seen === String(version)) return { step: 'serve', status: 'done', note: `${url} serves version ${version}` };
    if (Date.now() >= deadline)
      return {
        step: 'serve',
        status: 'failed',
        note: `${url}: expected version ${version}, found ${seen}; the endpoint retries by itself`,
      };
    await pause(intervalMs, undefined, { signal: cancellationSignal });
  }
}

async function servedVersion(url: string, cancellation: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([cancellation, AbortSignal.timeout(2_000)]) });
    if (!response.ok) return `status ${response.status}`;
    const { versions } = (await response.json()) as { readonly versions?: readonly string[] };
    return versions?.join(', ') ?? 'no version';
  } catch (error) {
    cancellation.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}
