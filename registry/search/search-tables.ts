/** A column of the searched table, under the name that clients give it. */
export interface Column {
  readonly column: string;
  /** `integer` holds 32 bits, `bigint` 64; `instant` is an ISO text here, milliseconds to clients. */
  readonly type: 'text' | 'integer' | 'bigint' | 'instant';
  /** Knows IN and NOT IN. */
  readonly lists?: true;
  /** Rows without it come last, whatever the direction. */
  readonly nullable?: true;
  /** From a client's word to the stored one. */
  readonly stored?: (word: string) => string;
}

/** A table of keys and values that hang on the searched one. */
export interface Keyed {
  readonly table: string;
  /** Its columns that name the row of the searched table, in the order of `SearchTable.id`. */
  readonly owner: readonly string[];
  /** Columns whose greatest values mark the row that orders, where an owner has several of a key. */
  readonly latestBy?: readonly string[];
}

/** What may be asked about a table, and how its rows come when nobody says. */
export interface SearchTable {
  readonly title: string;
  readonly id: readonly string[];
  readonly filters: ReadonlyMap<string, Column>;
  readonly orders: ReadonlyMap<string, Column>;
  readonly metrics?: Keyed;
  readonly params?: Keyed;
  readonly tags: Keyed;
  readonly datasets?: true;
  /** Rows may be ordered by metrics, params and tags. */
  readonly ordersByKeys?: true;
  /** Prompts are kept out unless the filter speaks of them. */
  readonly holdsPrompts?: true;
  readonly defaultOrder: readonly (Column & { readonly descending: boolean })[];
}

const run = {
  id: { column: 'runs.id', type: 'text', lists: true },
  name: { column: 'runs.name', type: 'text' },
  start: { column: 'runs.started_ms', type: 'bigint' },
} as const;

const runColumns = new Map<string, Column>([
  ['run_id', run.id],
  ['run_name', run.name],
  ['run name', run.name],
  ['Run name', run.name],
  ['Run Name', run.name],
  ['user_id', { column: 'runs.user_id', type: 'text' }],
  ['status', { column: 'runs.status', type: 'text' }],
  ['artifact_uri', { column: 'runs.artifact_uri', type: 'text' }],
  ['start_time', run.start],
  ['created', run.start],
  ['Created', run.start],
  ['end_time', { column: 'runs.ended_ms', type: 'bigint', nullable: true }],
]);

export const RUNS: SearchTable = {
  title: 'runs',
  id: [run.id.column],
  filters: runColumns,
  orders: runColumns,
  metrics: { table: 'latest_metrics', owner: ['run_id'] },
  params: { table: 'params', owner: ['run_id'] },
  tags: { table: 'tags', owner: ['run_id'] },
  datasets: true,
  ordersByKeys: true,
  defaultOrder: [
    { ...run.start, descending: true },
    { ...run.id, descending: false },
  ],
};

const experiment = {
  id: { column: 'experiments.id', type: 'integer' },
  name: { column: 'experiments.name', type: 'text' },
  created: { column: 'experiments.created_at', type: 'instant' },
  updated: { column: 'experiments.updated_at', type: 'instant' },
} as const;

const experimentColumns = [
  ['name', experiment.name],
  ['creation_time', experiment.created],
  ['last_update_time', experiment.updated],
] as const;

export const EXPERIMENTS: SearchTable = {
  title: 'experiments',
  id: [experiment.id.column],
  filters: new Map<string, Column>(experimentColumns),
  orders: new Map<string, Column>([...experimentColumns, ['experiment_id', experiment.id]]),
  tags: { table: 'experiment_tags', owner: ['experiment_id'] },
  defaultOrder: [
    { ...experiment.created, descending: true },
    { ...experiment.id, descending: false },
  ],
};

const model = {
  name: { column: 'registered_models.name', type: 'text' },
  updated: { column: 'registered_models.updated_at', type: 'instant' },
} as const;

export const REGISTERED_MODELS: SearchTable = {
  title: 'registered models',
  id: [model.name.column],
  filters: new Map<string, Column>([['name', model.name]]),
  orders: new Map<string, Column>([
    ['name', model.name],
    ['timestamp', model.updated],
    ['last_updated_timestamp', model.updated],
  ]),
  tags: { table: 'registered_model_tags', owner: ['model'] },
  holdsPrompts: true,
  defaultOrder: [{ ...model.name, descending: false }],
};

const version = {
  name: { column: 'model_versions.model', type: 'text' },
  number: { column: 'model_versions.version', type: 'integer' },
  created: { column: 'model_versions.created_at', type: 'instant' },
  updated: { column: 'model_versions.updated_at', type: 'instant' },
} as const;

export const MODEL_VERSIONS: SearchTable = {
  title: 'model versions',
  id: [version.name.column, version.number.column],
  filters: new Map<string, Column>([
    ['name', version.name],
    ['run_id', { column: 'model_versions.run_id', type: 'text', lists: true }],
    ['source_path', { column: 'model_versions.source', type: 'text' }],
    ['version_number', version.number],
  ]),
  orders: new Map<string, Column>([
    ['name', version.name],
    ['version_number', version.number],
    ['creation_timestamp', version.created],
    ['last_updated_timestamp', version.updated],
  ]),
  tags: { table: 'model_version_tags', owner: ['model', 'version'] },
  holdsPrompts: true,
  defaultOrder: [
    { ...version.updated, descending: true },
    { ...version.name, descending: false },
    { ...version.number, descending: true },
  ],
};

const logged = {
  id: { column: 'logged_models.id', type: 'text', lists: true },
  created: { column: 'logged_models.created_ms', type: 'bigint' },
  updated: { column: 'logged_models.updated_ms', type: 'bigint' },
} as const;

const loggedColumns = new Map<string, Column>([
  ['name', { column: 'logged_models.name', type: 'text', lists: true }],
  ['model_id', logged.id],
  ['model_type', { column: 'logged_models.model_type', type: 'text', lists: true, nullable: true }],
  ['status', { column: 'logged_models.status', type: 'text', lists: true, stored: storedStatus }],
  ['source_run_id', { column: 'logged_models.source_run_id', type: 'text', lists: true, nullable: true }],
  ['creation_timestamp', logged.created],
  ['creation_time', logged.created],
  ['last_updated_timestamp', logged.updated],
  ['last_updated_time', logged.updated],
]);

export const LOGGED_MODELS: SearchTable = {
  title: 'logged models',
  id: [logged.id.column],
  filters: loggedColumns,
  orders: loggedColumns,
  metrics: { table: 'metrics', owner: ['model_id'], latestBy: ['step', 'timestamp_ms', 'value', 'is_nan'] },
  params: { table: 'logged_model_params', owner: ['model_id'] },
  tags: { table: 'logged_model_tags', owner: ['model_id'] },
  ordersByKeys: true,
  defaultOrder: [
    { ...logged.created, descending: true },
    { ...logged.id, descending: false },
  ],
};

/** Clients filter by the short word and read the long one. */
function storedStatus(word: string): string {
  const short = { PENDING: 'PENDING', READY: 'READY', FAILED: 'UPLOAD_FAILED', UPLOAD_FAILED: 'UPLOAD_FAILED' };
  const known = Object.entries(short).find(([name]) => name === word);
  return known === undefined ? word : `LOGGED_MODEL_${known[1]}`;
}
