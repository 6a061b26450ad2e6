import type { Caller, Right } from '../identity/caller.ts';
import type { Fields } from './fields.ts';

/** What a route gets. */
export interface RestCall {
  /** Path parameters, query and body in one, read leniently as MLflow's clients write them. */
  readonly fields: Fields;
  readonly caller: Caller;
}

/** A route of plain JSON. What it throws becomes the contract's error answer; what it returns is sent with 200. */
export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/2.0` (and `/ajax-api/2.0`), fastify's spelling: `/mlflow/logged-models/:model_id`. */
  readonly path: string;
  /** Checked before `handle`; a route whose right depends on model or stage says `read` and asks `caller.may` itself. */
  readonly needs: Right;
  readonly handle: (call: RestCall) => Promise<object>;
}
