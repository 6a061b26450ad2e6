/** Scores `count` rows, row-major, and gives one number a row. */
export type Score = (rows: Float32Array, count: number) => Promise<Float32Array>;

interface Waiting {
  readonly rows: Float32Array;
  readonly count: number;
  readonly resolve: (scores: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins the requests that arrive in one turn of the event loop into one run of the model: nobody waits for company, and
 * under load the fixed cost of a run is paid once for many. A batch has at most `maxRows` rows; a larger request runs
 * alone. If a joined run fails, each of its requests fails.
 */
export function batchSameTick(score: Score, maxRows: number): Score {
  let waiting: Waiting[] = [];

  const flush = (): void => {
    const taken = waiting;
    waiting = [];
    for (const batch of splitBatches(taken, maxRows)) void runBatch(score, batch);
  };

  return (rows, count) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ rows, count, resolve, reject });
    });
}

function splitBatches(taken: readonly Waiting[], maxRows: number): Waiting[][] {
  const batches: Waiting[][] = [];
  let filled = Infinity;
  for (const request of taken) {
    if (filled + request.count > maxRows) {
      batches.push([]);
      filled = 0;
    }
    batches.at(-1)?.push(request);
    filled += request.count;
  }
  return batches;
}

async function runBatch(score: Score, batch: readonly Waiting[]): Promise<void> {
  try {
    const count = batch.reduce((sum, request) => sum + request.count, 0);
    const scores = await score(joinRows(batch), count);
    if (scores.length !== count) throw new RangeError(`the model gave ${scores.length} scores for ${count} rows`);
    let start = 0;
    for (const request of batch) {
      request.resolve(scores.subarray(start, start + request.count));
      start += request.count;
    }
  } catch (error) {
    for (const request of batch) request.reject(error);
  }
}

function joinRows(batch: readonly Waiting[]): Float32Array {
  const [only] = batch;
  if (batch.length === 1 && only !== undefined) return only.rows;
  const joined = new Float32Array(batch.reduce((sum, request) => sum + request.rows.length, 0));
  let start = 0;
  for (const { rows } of batch) {
    joined.set(rows, start);
    start += rows.length;
  }
  return joined;
}
