import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { unknownModel, versionFromRow, type ModelVersion, type VersionRow } from '../model-versions.ts';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** A version as registry clients see it. */
export interface ClientVersion extends ModelVersion {
  readonly tags: readonly Tag[];
  /** Empty in lists, as upstream has it. */
  readonly aliases: readonly string[];
}

export interface ModelAlias {
  readonly alias: string;
  readonly version: number;
}

/** A registered model as registry clients see it. */
export interface ClientModel {
  readonly name: string;
  readonly description: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deploymentJobId: string | null;
  readonly tags: readonly Tag[];
  readonly aliases: readonly ModelAlias[];
  /** The newest version of each stage. */
  readonly latestVersions: readonly ClientVersion[];
}

interface ModelRow {
  readonly name: string;
  readonly description: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly deployment_job_id: string | null;
}

/** Versions of a query over `model_versions`, with their tags: two statements, however many there are. */
export async function readVersions(knex: Knex, page: Knex.QueryBuilder): Promise<ClientVersion[]> {
  const rows = await page.clone().select<VersionRow[]>('model_versions.*');
  if (rows.length === 0) return [];
  const tags = await readVersionTags(knex, page, rows);
  return rows.map((row) => ({ ...versionFromRow(row), tags: tags.get(keyOf(row)) ?? [], aliases: [] }));
}

interface VersionTagRow extends Tag {
  readonly model: string;
  readonly version: number;
}

async function readVersionTags(
  knex: Knex,
  page: Knex.QueryBuilder,
  rows: readonly VersionRow[],
): Promise<ReadonlyMap<string, Tag[]>> {
  const query = knex('model_version_tags').orderBy(['model', 'version', 'key']);
  const wanted = narrowToRows(query, page, rows);
  const tags = new Map<string, Tag[]>();
  for (const row of await wanted.select<VersionTagRow[]>('*')) {
    const key = keyOf(row);
    const known = tags.get(key);
    const tag = { key: row.key, value: row.value };
    if (known === undefined) tags.set(key, [tag]);
    else known.push(tag);
  }
  return tags;
}

// More pairs than that make a statement too long for PostgreSQL or too slow to read for SQLite.
const MOST_PAIRS = 400;

/** The tags of these very rows, by the cheapest condition that says so; others that it lets through are not shown. */
function narrowToRows(
  query: Knex.QueryBuilder,
  page: Knex.QueryBuilder,
  rows: readonly VersionRow[],
): Knex.QueryBuilder {
  const models = new Set(rows.map((row) => row.model));
  const versions = rows.map((row) => row.version);
  const few = rows.length <= MOST_PAIRS;
  if (models.size === 1) {
    const ofModel = query.whereIn('model', [...models]);
    if (few) return ofModel.whereIn('version', versions);
    const [least, most] = [versions.reduce((a, b) => Math.min(a, b)), versions.reduce((a, b) => Math.max(a, b))];
    return ofModel.whereBetween('version', [least, most]);
  }
  if (few)
    return query.whereIn(
      ['model', 'version'],
      rows.map(({ model, version }) => [model, version]),
    );
  return query.whereIn(['model', 'version'], page.clone().select('model_versions.model', 'model_versions.version'));
}

function keyOf({ model, version }: { readonly model: string; readonly version: number }): string {
  return `${version}/${model}`;
}

/** Models of a query over `registered_models`, with tags, aliases and latest versions: a constant number of statements. */
export async function readModels(knex: Knex, page: Knex.QueryBuilder): Promise<ClientModel[]> {
  const rows = await page.clone().select<ModelRow[]>('registered_models.*');
  if (rows.length === 0) return [];
  const names = rows.map((row) => row.name);
  const tags = await knex('registered_model_tags')
    .whereIn('model', names)
    .orderBy(['model', 'key'])
    .select<(Tag & { readonly model: string })[]>('model', 'key', 'value');
  const aliases = await knex('aliases')
    .whereIn('model', names)
    .orderBy(['model', 'alias'])
    .select<(ModelAlias & { readonly model: string })[]>('model', 'alias', 'version');
  const latest = await readVersions(knex, latestVersions(knex, names));
  return rows.map((row) => ({
    name: row.name,
    description: row.description,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deploymentJobId: row.deployment_job_id,
    tags: tags.filter((tag) => tag.model === row.name).map(({ key, value }) => ({ key, value })),
    aliases: aliases.filter((a) => a.model === row.name).map(({ alias, version }) => ({ alias, version })),
    latestVersions: latest.filter((version) => version.model === row.name),
  }));
}

/** The newest version of each stage of the models. */
export function latestVersions(knex: Knex, models: readonly string[]): Knex.QueryBuilder {
  const newest = knex('model_versions')
    .whereIn('model', models)
    .whereNull('deleted_at')
    .groupBy('model', 'stage')
    .select('model')
    .max('version');
  return knex('model_versions')
    .whereIn(['model_versions.model', 'model_versions.version'], newest)
    .orderBy(['model_versions.model', 'model_versions.version']);
}

/** @throws UnknownModel */
export async function readModel(knex: Knex, name: string): Promise<ClientModel> {
  const [model] = await readModels(knex, knex('registered_models').where({ name }).whereNull('deleted_at'));
  if (model === undefined) throw await unknownModel(knex, name);
  return model;
}

/** @throws UnknownModel */
export async function requireModel(knex: Knex, name: string): Promise<void> {
  const there = (await knex('registered_models').where({ name }).whereNull('deleted_at').pluck('name')) as string[];
  if (there.length === 0) throw await unknownModel(knex, name);
}

/** @throws AlreadyExists when a model has this name */
export async function requireFree(knex: Knex, name: string): Promise<void> {
  if ((await knex('registered_models').where({ name }).first('name')) === undefined) return;
  throw new SuperstepError('AlreadyExists', `Registered Model (name=${name}) already exists.`, { model: name });
}
