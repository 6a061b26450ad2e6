import type { Knex } from 'knex';
import { createTracking } from './0001-tracking.ts';
import { createModels } from './0002-models.ts';
import { createTransitions } from './0003-transitions.ts';
import { createProduction } from './0004-production.ts';
import { createClients } from './0005-clients.ts';
import { createIdentity } from './0006-identity.ts';
import { createAudit } from './0007-audit.ts';
import { createWebhooks } from './0008-webhooks.ts';
import { createGovernance } from './0009-governance.ts';
import { indexModels } from './0010-model-indexes.ts';
import { addGateBasis } from './0011-gate-basis.ts';

export interface Migration {
  readonly name: string;
  readonly up: (trx: Knex) => Promise<void>;
}

/** In order. A released migration is never changed; another one follows it. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '0001-tracking', up: createTracking },
  { name: '0002-models', up: createModels },
  { name: '0003-transitions', up: createTransitions },
  { name: '0004-production', up: createProduction },
  { name: '0005-clients', up: createClients },
  { name: '0006-identity', up: createIdentity },
  { name: '0007-audit', up: createAudit },
  { name: '0008-webhooks', up: createWebhooks },
  { name: '0009-governance', up: createGovernance },
  { name: '0010-model-indexes', up: indexModels },
  { name: '0011-gate-basis', up: addGateBasis },
];
