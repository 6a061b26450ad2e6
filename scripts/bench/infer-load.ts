import { Agent, request } from 'node:http';

/** Where to send one-row inference requests, and what. */
export interface InferTarget {
  readonly url: string;
  readonly body: string;
}

/** Milliseconds of each of `count` requests, one after the other on one connection kept alive. */
export async function oneAfterTheOther(target: InferTarget, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  try {
    for (let done = 0; done < count; done++) {
      const started = performance.now();
      await infer(target, agent);
      times.push(performance.now() - started);
    }
  } finally {
    agent.destroy();
  }
  return times;
}

/** Requests a second that `connections` clients get answered, each sending its next one when it has its answer. */
export async function requestsPerSecond(target: InferTarget, connections: number, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let left = count;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await infer(target, agent);
    }
  };
  const started = performance.now();
  try {
    await Promise.all(Array.from({ length: connections }, client));
  } finally {
    agent.destroy();
  }
  return count / ((performance.now() - started) / 1000);
}

function infer({ url, body }: InferTarget, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`the endpoint answered ${answer.statusCode}`));
      });
    });
    sent.once('error', reject).end(body);
  });
}
