import { messageForPerson } from '../message-for-person.ts';

/** What the endpoint answered to one question. */
export interface Answer {
  readonly version: string;
  readonly probability: number;
}

/**
 * A flight that a person might ask about: half past five on a Friday afternoon, O'Hare to LaGuardia, after a bad day at
 * both airports. By feature name; a model with other features gets "missing" for those.
 */
const FRIDAY_EVENING_TO_NEW_YORK: Readonly<Record<string, number>> = {
  'route_history.late_rate_7d': 0.32,
  'route_history.late_rate_28d': 0.27,
  'route_history.mean_delay_7d': 14,
  'route_history.flights_7d': 160,
  'airport_hour.late_rate_24h': 0.3,
  'airport_hour.late_rate_6h': 0.38,
  'airport_hour.mean_delay_6h': 19,
  'airport_hour.flights_24h': 850,
  'destination_hour.late_rate_24h': 0.33,
  'destination_hour.late_rate_6h': 0.41,
  'destination_hour.mean_delay_6h': 22,
  'destination_hour.flights_24h': 310,
  hour: 17,
  minute_of_day: 1_050,
  day_of_week: 5,
  distance: 733,
};

/** Asks the endpoint of a model for a prediction, over the Open Inference Protocol; undefined while it serves nothing. */
export async function askEndpoint(endpoint: string, model: string): Promise<Answer | undefined> {
  const url = `${endpoint}/v2/models/${model}`;
  const metadata = await fetch(url);
  if (metadata.status === 404 || metadata.status === 503) return undefined;
  const { features } = (await metadata.json()) as { readonly features: readonly string[] };
  const data = features.map((name) => FRIDAY_EVENING_TO_NEW_YORK[name] ?? null);
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, features.length], data }] }),
  });
  if (!response.ok) throw messageForPerson(`${url}/infer answered ${response.status}: ${await response.text()}`);
  const answer = (await response.json()) as {
    readonly model_version: string;
    readonly outputs: readonly [{ readonly data: readonly [number] }];
  };
  return { version: answer.model_version, probability: answer.outputs[0].data[0] };
}
