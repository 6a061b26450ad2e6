import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { setTimeout as wait } from 'node:timers/promises';
import { durationMs } from '../../contracts/durations.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';
import type { DevConfig, SearchAttributeTypeName } from './read-dev-config.ts';

/** `temporal.api.enums.v1.IndexedValueType`, which the client does not export by name. */
const INDEXED_VALUE_TYPES: Readonly<Record<SearchAttributeTypeName, number>> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
};
const GRPC_NOT_FOUND = 5;
const GRPC_ALREADY_EXISTS = 6;

export interface NamespaceOptions {
  /** Whose retention it is: on a server that is ours it is set, on somebody else's only a new namespace gets ours. */
  readonly ownServer: boolean;
}

/**
 * Makes sure that every namespace exists, has all search attributes and (on an own server) the retention of
 * temporal-dev.yaml. Can be repeated at will. It works on old databases too, where the server's own flags are
 * ignored. Waits until the attributes can be used, because a start with an unknown one is refused.
 *
 * @throws when an attribute exists with another type, naming namespace, attribute and both types.
 */
export async function bringNamespacesUpToDate(
  connection: Connection,
  config: Pick<DevConfig, 'namespaces' | 'searchAttributes'>,
  options: NamespaceOptions,
): Promise<void> {
  for (const [namespace, { retention }] of Object.entries(config.namespaces)) {
    await ensureNamespace(connection, namespace, durationMs(retention), options.ownServer);
    await ensureSearchAttributes(connection, namespace, config.searchAttributes);
  }
}

async function ensureNamespace(
  connection: Connection,
  namespace: string,
  retentionMs: number,
  ownServer: boolean,
): Promise<void> {
  const retention = msToTs(retentionMs);
  const found = await findRetention(connection, namespace);
  if (found === undefined) {
    await connection.workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention })
      .catch(ignoreAlreadyExists);
    // Other services of the server learn of a new namespace a few seconds later.
    await until(`namespace ${namespace} to be known`, () => isServed(connection, namespace));
  } else if (ownServer && found !== retentionMs) {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: retention },
    });
  }
}

/** Retention in milliseconds; undefined when there is no such namespace. */
async function findRetention(connection: Connection, namespace: string): Promise<number | undefined> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1000;
  } catch (error) {
    if (grpcCode(error) === GRPC_NOT_FOUND) return undefined;
    throw error;
  }
}

async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Readonly<Record<string, SearchAttributeTypeName>>,
): Promise<void> {
  const missing = missingSearchAttributes(namespace, wanted, await knownAttributes(connection, namespace));
  if (Object.keys(missing).length === 0) return;
  await connection.operatorService
    .addSearchAttributes({ namespace, searchAttributes: missing })
    .catch(ignoreAlreadyExists)
    .catch((error: unknown) => {
      throw messageForPerson(
        `namespace ${namespace} lacks the search attributes ${Object.keys(missing).join(', ')}, and they cannot be added: ${firstLine(error)}`,
      );
    });
  await until(`the search attributes of ${namespace} to be known`, async () => {
    const known = await knownAttributes(connection, namespace);
    return Object.keys(missing).every((name) => name in known);
  });
}

async function isServed(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await knownAttributes(connection, namespace);
    return true;
  } catch (error) {
    if (grpcCode(error) === GRPC_NOT_FOUND) return false;
    throw error;
  }
}

async function knownAttributes(connection: Connection, namespace: string): Promise<Record<string, number>> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes ?? {};
}

/**
 * What is still to be added, as name → indexed value type.
 *
 * @throws when a known attribute has another type.
 */
export function missingSearchAttributes(
  namespace: string,
  wanted: Readonly<Record<string, SearchAttributeTypeName>>,
  known: Readonly<Record<string, number>>,
): Record<string, number> {
  const missing: Record<string, number> = {};
  for (const [name, typeName] of Object.entries(wanted)) {
    const type = INDEXED_VALUE_TYPES[typeName];
    const found = known[name];
    if (found === undefined) missing[name] = type;
    else if (found !== type) {
      const foundName = Object.entries(INDEXED_VALUE_TYPES).find(([, value]) => value === found)?.[0] ?? String(found);
      throw messageForPerson(
        `namespace ${namespace} has the search attribute ${name} as ${foundName}, but temporal-dev.yaml wants ${typeName}. ` +
          `Remove it (temporal operator search-attribute remove -n ${namespace} --name ${name} --yes), or start with another home folder.`,
      );
    }
  }
  return missing;
}

function ignoreAlreadyExists(error: unknown): void {
  if (grpcCode(error) !== GRPC_ALREADY_EXISTS) throw error;
}

function grpcCode(error: unknown): number | undefined {
  const holder = error as { code?: unknown; cause?: { code?: unknown } } | undefined;
  const code = holder?.code ?? holder?.cause?.code;
  return typeof code === 'number' ? code : undefined;
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw messageForPerson(`waited 30 s in vain for ${what}`);
    await wait(100);
  }
}
