/** Calls a registry that speaks MLflow's protocol: Superstep's or MLflow's own. Rejects for any answer but 200. */
export interface RegistryClient {
  readonly get: (path: string, fields: Readonly<Record<string, string>>) => Promise<unknown>;
  readonly post: (path: string, fields: object) => Promise<unknown>;
}

/** @param base the tracking URI */
export function createRegistryClient(base: string): RegistryClient {
  const ask = async (path: string, query: string, init: RequestInit): Promise<unknown> => {
    const response = await fetch(`${base}/api/2.0/mlflow/${path}${query}`, init);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
    return JSON.parse(text);
  };
  const headers = { 'content-type': 'application/json' };
  return {
    get: (path, fields) => ask(path, `?${new URLSearchParams(fields).toString()}`, {}),
    post: (path, fields) => ask(path, '', { method: 'POST', headers, body: JSON.stringify(fields) }),
  };
}

/** Makes a run; its id. */
export async function newRun({ post }: RegistryClient, experimentId: string): Promise<string> {
  const created = (await post('runs/create', { experiment_id: experimentId })) as RunAnswer;
  return created.run.info.run_id;
}

export interface RunAnswer {
  readonly run: {
    readonly info: { readonly run_id: string };
    readonly data: { readonly tags?: readonly { readonly key: string; readonly value: string }[] };
  };
}

/** Logs so many steps of each of `metrics` metrics, beginning with step `from`. */
export function logBatch(
  { post }: RegistryClient,
  runId: string,
  { from, metrics, steps = 1 }: { readonly from: number; readonly metrics: number; readonly steps?: number },
): Promise<unknown> {
  const values = Array.from({ length: metrics * steps }, (_, i) => {
    const step = from + Math.floor(i / metrics);
    return { key: `m${i % metrics}`, value: i / 7 + step, timestamp: step, step };
  });
  return post('runs/log-batch', { run_id: runId, metrics: values });
}
