import { logBatch, newRun, type RegistryClient } from './registry-client.ts';
import { type Filling, FULL_EXPERIMENT, FULL_METRIC, FULL_MODEL } from './registry-fill.ts';

/** One kind of call, made by one client, one after the other. */
export interface TimedCall {
  readonly name: string;
  /** The percentile that is reported. */
  readonly percent: number;
  /** Milliseconds. */
  readonly atMost?: number;
  /** How often, in each of several rounds. */
  readonly repeats: number;
  readonly note: string;
  /** Not asked of MLflow's server, which does not answer in any time worth waiting for. */
  readonly beyondMlflow?: true;
  /** Makes ready what is not measured, and returns the call. */
  readonly ready: (client: RegistryClient) => Promise<(i: number) => Promise<unknown>>;
}

const PAGE = '100';

export function timedCalls({ runs, versions }: Filling): readonly TimedCall[] {
  const search = (name: string, filter: string, orderBy: readonly string[]): TimedCall => ({
    ...{ name: `run search, ${name}`, percent: 50, atMost: 100, repeats: 10 },
    note: `100 of ${count(runs)} runs in one experiment, each with two metrics, a param and a tag; filter ${filter}${orderBy.length === 0 ? ', newest first' : `, order by ${orderBy[0]}`}.`,
    ready: ({ post }) => {
      const fields = { experiment_ids: [FULL_EXPERIMENT], filter, max_results: 100, order_by: orderBy };
      return Promise.resolve(() => post('runs/search', fields));
    },
  });
  const [few, half, order] = [
    `metrics.${FULL_METRIC} > 0.99`,
    `metrics.${FULL_METRIC} > 0.5`,
    `metrics.${FULL_METRIC} DESC`,
  ];
  const ofModel = { filter: `name='${FULL_MODEL}'` };
  const listing = (name: string, atMost: number | undefined, ready: TimedCall['ready'], note: string): TimedCall => ({
    ...{ name: `model versions, ${name}`, percent: 50, repeats: 10, ready, note },
    ...(atMost === undefined ? {} : { atMost }),
  });
  const logging = (name: string, batch: { readonly metrics: number; readonly steps: number }): TimedCall => ({
    ...{ name: `log-batch of 1,000 values, ${name}`, percent: 95, atMost: 50, repeats: 40 },
    note: 'of one run; every value is new.',
    ready: async (client) => {
      const runId = await newRun(client, FULL_EXPERIMENT);
      return (i) => logBatch(client, runId, { from: i * batch.steps, ...batch });
    },
  });
  return [
    logging('10 metrics, 100 steps of each', { metrics: 10, steps: 100 }),
    logging('1,000 metrics, one step', { metrics: 1_000, steps: 1 }),
    listing(
      `first page of ${PAGE}`,
      50,
      ({ get }) => Promise.resolve(() => get('model-versions/search', { ...ofModel, max_results: PAGE })),
      `of a model with ${count(versions)} versions.`,
    ),
    listing(
      `last page of ${PAGE}`,
      50,
      async ({ get }) => {
        const token = await lastToken(get);
        return () => get('model-versions/search', { ...ofModel, max_results: PAGE, page_token: token });
      },
      `of a model with ${count(versions)} versions.`,
    ),
    listing(
      `all ${count(versions)} in one answer`,
      undefined,
      ({ get }) => Promise.resolve(() => get('model-versions/search', ofModel)),
      'what a client gets that names no page size: megabytes of JSON.',
    ),
    search('1 % match', few, []),
    search('1 % match, ordered by the metric', few, [order]),
    search('half match', half, []),
    {
      ...search('half match, ordered by the metric', half, [order]),
      // MLflow's server was at it for eight minutes, and not done.
      beyondMlflow: true,
    },
  ];
}

/** The token of the last page, found by reading all of them. */
async function lastToken(get: RegistryClient['get']): Promise<string> {
  for (let token = ''; ;) {
    const page = { filter: `name='${FULL_MODEL}'`, max_results: PAGE, ...(token === '' ? {} : { page_token: token }) };
    const { next_page_token: next = '' } = (await get('model-versions/search', page)) as { next_page_token?: string };
    if (next === '') return token;
    token = next;
  }
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}
