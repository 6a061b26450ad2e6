import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActivityLog, type Activity } from '../../../registry/activity-log.ts';
import { payloadOf } from '../../../registry/webhooks/payloads.ts';
import {
  DATABRICKS_EVENTS,
  eventsFor,
  MLFLOW_EVENTS,
  type WebhookKind,
} from '../../../registry/webhooks/webhook-events.ts';
import { openGoldenServer } from '../api/open-golden-server.ts';

const ALL = { databricks: DATABRICKS_EVENTS, mlflow: MLFLOW_EVENTS };
const VERSION = { name: 'delays', version: '1' };
const SOURCE = 's3://bucket/model';

type Told = Readonly<Record<string, unknown>>;
type Call = readonly [method: 'POST' | 'DELETE', path: string, body: Told];
type Row = readonly [what: string, call: Call, databricks: readonly Told[], mlflow: readonly Told[]];

/** Both kinds of event of a move: Databricks tells it twice, with the same fields. */
const twice = (fields: Told, ...events: readonly string[]): Told[] =>
  events.map((event) => ({ event, ...OF_VERSION, ...fields }));
const move = (stage: string): Call => [
  'POST',
  'model-versions/transition-stage',
  { ...VERSION, stage, archive_existing_versions: false },
];
const request = (stage: string): Call => [
  'POST',
  'transition-requests/create',
  { ...VERSION, stage, comment: `to ${stage}` },
];

const OF_VERSION = { model_name: 'delays', version: '1' };
const MOVED = 'MODEL_VERSION_TRANSITIONED_STAGE';
const REQUESTED = 'TRANSITION_REQUEST_CREATED';

/** Clients' calls, each on what the ones before it left, and all that webhooks for everything are told then. */
const ROWS: readonly Row[] = [
  [
    'a model is made',
    [
      'POST',
      'registered-models/create',
      { name: 'delays', description: 'late?', tags: [{ key: 'team', value: 'ops' }] },
    ],
    [{ event: 'REGISTERED_MODEL_CREATED', model_name: 'delays' }],
    [
      {
        entity: 'registered_model',
        action: 'created',
        data: { name: 'delays', description: 'late?', tags: { team: 'ops' } },
      },
    ],
  ],
  [
    'a version is registered',
    [
      'POST',
      'model-versions/create',
      { name: 'delays', source: SOURCE, description: 'first', tags: [{ key: 'stem', value: '7' }] },
    ],
    [{ event: 'MODEL_VERSION_CREATED', ...OF_VERSION, to_stage: 'None' }],
    [
      {
        entity: 'model_version',
        action: 'created',
        data: { ...VERSION, source: SOURCE, run_id: '', description: 'first', tags: { stem: '7' } },
      },
    ],
  ],
  [
    'a tag is set',
    ['POST', 'model-versions/set-tag', { ...VERSION, key: 'seen', value: 'yes' }],
    [{ event: 'MODEL_VERSION_TAG_SET', ...OF_VERSION, key: 'seen', value: 'yes' }],
    [{ entity: 'model_version_tag', action: 'set', data: { ...VERSION, key: 'seen', value: 'yes' } }],
  ],
  [
    'a tag is deleted',
    ['DELETE', 'model-versions/delete-tag', { ...VERSION, key: 'seen' }],
    [],
    [{ entity: 'model_version_tag', action: 'deleted', data: { ...VERSION, key: 'seen' } }],
  ],
  [
    'an alias is set',
    ['POST', 'registered-models/alias', { ...VERSION, alias: 'best' }],
    [],
    [{ entity: 'model_version_alias', action: 'created', data: { ...VERSION, alias: 'best' } }],
  ],
  [
    'an alias is deleted',
    ['DELETE', 'registered-models/alias', { name: 'delays', alias: 'best' }],
    [],
    [{ entity: 'model_version_alias', action: 'deleted', data: { ...VERSION, alias: 'best' } }],
  ],
  [
    'a comment is made',
    ['POST', 'comments/create', { ...VERSION, comment: 'looks good' }],
    [{ event: 'COMMENT_CREATED', ...OF_VERSION }],
    [],
  ],
  [
    'Staging is asked for',
    request('Staging'),
    twice({ from_stage: 'None', to_stage: 'Staging' }, REQUESTED, 'TRANSITION_REQUEST_TO_STAGING_CREATED'),
    [],
  ],
  [
    'Production is asked for',
    request('Production'),
    twice({ from_stage: 'None', to_stage: 'Production' }, REQUESTED, 'TRANSITION_REQUEST_TO_PRODUCTION_CREATED'),
    [],
  ],
  [
    'the archive is asked for',
    request('Archived'),
    twice({ from_stage: 'None', to_stage: 'Archived' }, REQUESTED, 'TRANSITION_REQUEST_TO_ARCHIVED_CREATED'),
    [],
  ],
  [
    'a version moves to Staging',
    move('Staging'),
    twice({ from_stage: 'None', to_stage: 'Staging' }, MOVED, 'MODEL_VERSION_TRANSITIONED_TO_STAGING'),
    [],
  ],
  [
    'a version moves to Production',
    move('Production'),
    twice({ from_stage: 'Staging', to_stage: 'Production' }, MOVED, 'MODEL_VERSION_TRANSITIONED_TO_PRODUCTION'),
    [],
  ],
  [
    'a version moves to the archive',
    move('Archived'),
    twice({ from_stage: 'Production', to_stage: 'Archived' }, MOVED, 'MODEL_VERSION_TRANSITIONED_TO_ARCHIVED'),
    [],
  ],
  ['a version moves back to None', move('None'), twice({ from_stage: 'Archived', to_stage: 'None' }, MOVED), []],
];

describe('what webhooks are told of an act', () => {
  let server: Awaited<ReturnType<typeof openGoldenServer>>;
  let seen = 0;

  beforeAll(async () => {
    server = await openGoldenServer();
  });
  afterAll(() => server.close());

  async function act([method, path, body]: Call): Promise<readonly Activity[]> {
    const answer = await server.app.inject({
      method,
      url: `/dev/api/2.0/mlflow/${path}`,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(body),
    });
    expect([answer.statusCode, answer.body]).toEqual([200, expect.any(String)]);
    const acts = await createActivityLog({ db: server.db }).activitiesAfter(seen, 100);
    seen = acts.at(-1)?.sequence ?? seen;
    return acts;
  }

  /** The payloads, without the fields that follow from the act itself, which are checked here. */
  async function toldOf(kind: WebhookKind, acts: readonly Activity[]): Promise<readonly Told[]> {
    const told: Told[] = [];
    for (const activity of acts) {
      const { at, by, comment } = activity;
      for (const event of eventsFor({ kind, model: '', events: ALL[kind] }, activity)) {
        const text = await server.db.read((knex) => payloadOf(knex, { id: 'hook-1', kind }, event, activity));
        const payload = JSON.parse(text) as Record<string, unknown>;
        if (kind === 'mlflow') {
          const { timestamp, ...rest } = payload;
          expect(timestamp).toBe(at);
          told.push(rest);
          continue;
        }
        const { webhook_id, event_timestamp, text: sentence, ...rest } = payload;
        expect([webhook_id, event_timestamp]).toEqual(['hook-1', Date.parse(at)]);
        for (const part of [event, 'delays', by, comment]) expect(sentence).toContain(part);
        told.push(rest);
      }
    }
    return told;
  }

  it.each(ROWS)('%s', async (_, call, databricks, mlflow) => {
    const acts = await act(call);
    expect(await toldOf('databricks', acts)).toEqual(databricks);
    expect(await toldOf('mlflow', acts)).toEqual(mlflow);
  });

  it('all events of both protocols are in the table', () => {
    const told = (fields: readonly Told[], name: (one: Told) => string): readonly string[] =>
      [...new Set(fields.map(name))].toSorted();
    expect(
      told(
        ROWS.flatMap(([, , databricks]) => databricks),
        ({ event }) => String(event),
      ),
    ).toEqual(DATABRICKS_EVENTS.toSorted());
    const ofMlflow = ROWS.flatMap(([, , , mlflow]) => mlflow);
    expect(told(ofMlflow, ({ entity, action }) => `${String(entity)}.${String(action)}`)).toEqual(
      MLFLOW_EVENTS.toSorted(),
    );
  });
});
