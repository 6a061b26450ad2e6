import type { Knex } from 'knex';
import { SuperstepError } from '../../contracts/failure-types.ts';
import type { RegistryDatabase } from '../database.ts';
import { compileModelVersionSearch, compileRegisteredModelSearch } from '../search/compile-search.ts';
import { offsetOf, pageTokenOf } from '../search/page-token.ts';
import { readModels, readVersions, type ClientModel, type ClientVersion } from './read-models.ts';

export interface SearchPage {
  readonly filter?: string | undefined;
  readonly orderBy?: readonly string[] | undefined;
  readonly maxResults?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface Found<T> {
  readonly items: readonly T[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}

const MOST_MODELS = 1_000;
const USUAL_MODELS = 100;
const MOST_VERSIONS = 200_000;
const USUAL_VERSIONS = 10_000;

/** Searching models and versions, for registry clients. A page costs the same statements however many rows there are. */
export function createModelSearch({ db }: { readonly db: RegistryDatabase }) {
  return {
    /** @throws InvalidInput for a filter, an order, a page or a size that the contract refuses */
    searchModels: async (page: SearchPage): Promise<Found<ClientModel>> => {
      const { offset, size } = boundsOf(page, USUAL_MODELS, MOST_MODELS);
      const apply = compileRegisteredModelSearch(page);
      return db.read(async (knex) => {
        const query = knex('registered_models').whereNull('registered_models.deleted_at');
        apply(query);
        return pageOf(await readModels(knex, slice(query, offset, size)), offset, size);
      });
    },

    /** @throws InvalidInput as for models */
    searchVersions: async (page: SearchPage): Promise<Found<ClientVersion>> => {
      const { offset, size } = boundsOf(page, USUAL_VERSIONS, MOST_VERSIONS);
      const apply = compileModelVersionSearch(page);
      return db.read(async (knex) => {
        const query = knex('model_versions').whereNull('model_versions.deleted_at');
        apply(query);
        return pageOf(await readVersions(knex, slice(query, offset, size)), offset, size);
      });
    },
  };
}

function boundsOf(page: SearchPage, usual: number, most: number): { readonly offset: number; readonly size: number } {
  const size = page.maxResults ?? usual;
  if (size < 1 || size > most) {
    throw new SuperstepError(
      'InvalidInput',
      `Invalid value ${size} for parameter 'max_results' supplied: expected 1 to ${most}`,
    );
  }
  return { offset: offsetOf(page.pageToken), size };
}

/** One row more than asked for tells whether there is another page. */
function slice(query: Knex.QueryBuilder, offset: number, size: number): Knex.QueryBuilder {
  return query.limit(size + 1).offset(offset);
}

function pageOf<T>(rows: readonly T[], offset: number, size: number): Found<T> {
  if (rows.length <= size) return { items: rows, nextPageToken: undefined };
  return { items: rows.slice(0, size), nextPageToken: pageTokenOf(offset + size) };
}
