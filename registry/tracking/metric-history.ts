import type { Knex } from 'knex';
import type { RegistryDatabase } from '../database.ts';
import { offsetOf } from '../search/page-token.ts';
import { nextPage } from './experiments.ts';
import { metricPointOf, type MetricPoint, type MetricRow } from './run-record.ts';
import { requireRow } from './runs.ts';

export interface PointOfRun extends MetricPoint {
  readonly runId: string;
}

/** Both ends belong to it. */
export interface StepRange {
  readonly from: number;
  readonly to: number;
}

interface RowOfRun extends MetricRow {
  readonly run_id: string;
}

const COLUMNS = ['key', 'value', 'is_nan', 'timestamp_ms', 'step'];
const HISTORY_ORDER = ['timestamp_ms', 'step', 'value', 'is_nan'];
const MOST_POINTS = 25_000;
const STEPS_PER_QUERY = 1_000;

/** All values that metrics had. */
export function createMetricHistory({ db }: { readonly db: RegistryDatabase }) {
  return {
    /**
     * By timestamp, step and value; all points when no number is given.
     *
     * @throws UnknownResource for an unknown run; an unknown key has no points
     */
    metricHistory: async (
      runId: string,
      key: string,
      page: { readonly maxResults?: number; readonly pageToken?: string },
    ) => {
      const offset = offsetOf(page.pageToken);
      return db.read(async (knex) => {
        await requireRow(knex, runId);
        const query = pointsOf(knex, [runId], key).orderBy(HISTORY_ORDER);
        if (page.maxResults === undefined) return { metrics: (await query.offset(offset)).map(metricPointOf) };
        const most = Math.min(page.maxResults, MOST_POINTS);
        const rows = await query.limit(most + 1).offset(offset);
        return { metrics: rows.slice(0, most).map(metricPointOf), ...nextPage(rows.length, most, offset) };
      });
    },

    /** One metric of several runs, run by run in the order of their ids; at most `most` points. */
    metricHistories: (runIds: readonly string[], key: string, most: number): Promise<PointOfRun[]> =>
      db.read(async (knex) => {
        const rows = await pointsOf(knex, runIds, key)
          .orderBy(['run_id', ...HISTORY_ORDER])
          .limit(Math.min(most, MOST_POINTS));
        return rows.map(pointOfRun);
      }),

    /**
     * One metric of several runs at steps that all share, about `most` of them spread over the range, so that lines
     * in one picture can be compared; each run's first and last step are among them.
     */
    metricIntervals: (
      runIds: readonly string[],
      key: string,
      { range, most }: { readonly range?: StepRange | undefined; readonly most: number },
    ): Promise<PointOfRun[]> =>
      db.read(async (knex) => {
        const steps = sampleOf(await stepsOf(knex, runIds, key, range), most);
        const rows: RowOfRun[] = [];
        for (let i = 0; i < steps.length; i += STEPS_PER_QUERY) {
          rows.push(...(await pointsOf(knex, runIds, key).whereIn('step', steps.slice(i, i + STEPS_PER_QUERY))));
        }
        return rows.map(pointOfRun).sort(byRunAndStep(runIds));
      }),
  };
}

export type MetricHistory = ReturnType<typeof createMetricHistory>;

/** A value that belongs to several logged models has as many rows, and is one point. */
function pointsOf(knex: Knex, runIds: readonly string[], key: string) {
  return knex('metrics')
    .distinct<RowOfRun[]>(['run_id', ...COLUMNS])
    .whereIn('run_id', runIds)
    .where({ key });
}

function pointOfRun(row: RowOfRun): PointOfRun {
  return { ...metricPointOf(row), runId: row.run_id };
}

interface StepRow {
  readonly run_id: string;
  readonly step: number;
}

async function stepsOf(
  knex: Knex,
  runIds: readonly string[],
  key: string,
  range: StepRange | undefined,
): Promise<StepRow[]> {
  const query = knex('metrics').distinct<StepRow[]>(['run_id', 'step']).whereIn('run_id', runIds).where({ key });
  return range === undefined ? query : query.whereBetween('step', [range.from, range.to]);
}

function sampleOf(rows: readonly StepRow[], most: number): number[] {
  const steps = [...new Set(rows.map(({ step }) => step))].sort((a, b) => a - b);
  if (steps.length <= most) return steps;
  const sample = new Set<number>();
  for (let i = 0; i < most; i++) sample.add(steps[Math.floor((i * steps.length) / most)] ?? 0);
  const ends = new Map<string, { first: number; last: number }>();
  for (const { run_id, step } of rows) {
    const found = ends.get(run_id) ?? { first: step, last: step };
    ends.set(run_id, { first: Math.min(found.first, step), last: Math.max(found.last, step) });
  }
  for (const { first, last } of ends.values()) sample.add(first).add(last);
  return [...sample];
}

function byRunAndStep(runIds: readonly string[]): (a: PointOfRun, b: PointOfRun) => number {
  const place = new Map(runIds.map((runId, i) => [runId, i]));
  return (a, b) =>
    (place.get(a.runId) ?? 0) - (place.get(b.runId) ?? 0) ||
    a.step - b.step ||
    a.timestampMs - b.timestampMs ||
    Number(a.value > b.value) - Number(a.value < b.value);
}
