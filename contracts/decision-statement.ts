import type { Environment } from './environments.ts';
import { isInstant } from './instants.ts';
import { type DsseEnvelope, payloadOf, type Read, readEnvelope, signEnvelope, type Signer } from './dsse.ts';

/**
 * A decision as a statement that can be signed: an in-toto Statement v1 whose subject is the model version by the
 * sha256 of its ONNX file, and whose predicate says what was decided, by whom, on which evidence, at which gate.
 */

export type Decision = 'approve' | 'reject';

/** What a decision is about. If any of it changes, the decision no longer counts. */
export interface DecisionGround {
  readonly environment: Environment;
  readonly model: string;
  readonly version: number;
  /** Lower-case hex sha256 of the version's ONNX file; empty for a candidate that an earlier version of Superstep pinned. */
  readonly modelDigest: string;
  readonly requestId: string;
  /** The whole digest. */
  readonly evidenceDigest: string;
  /** Snapshot of the lake that the evaluation rests on. */
  readonly snapshot: number;
}

/** What an approval asks for later. */
export interface DecisionCondition {
  readonly condition: string;
  /** ISO instant. */
  readonly due: string;
}

export interface DecisionPredicate {
  readonly environment: string;
  readonly requestId: string;
  readonly decision: Decision;
  readonly approver: string;
  /** The approver's roles as the server that signed saw them; only a `token` statement speaks of them. */
  readonly roles?: readonly string[];
  readonly comment: string;
  readonly evidenceDigest: string;
  readonly evaluation: { readonly snapshot: number };
  /** ISO instant by the signer's clock. */
  readonly decidedAt: string;
  /** `token`: the server authenticated the approver and signs; `signature`: the approver signs. */
  readonly proof: 'token' | 'signature';
  readonly conditions?: readonly DecisionCondition[];
}

export interface DecisionStatement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly [{ readonly name: string; readonly digest: { readonly sha256: string } }];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: DecisionPredicate;
}

export const IN_TOTO_PAYLOAD = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const PREDICATE_TYPE = 'urn:superstep:decision:v1';
const MOST_CONDITIONS = 20;
const MOST_ROLES = 200;
const SHA256 = /^[0-9a-f]{64}$/;

/** What a person or the server states. */
export type DecisionToState = Omit<DecisionPredicate, keyof DecisionGround | 'evaluation'>;

/** The statement of a decision on this ground. */
export function decisionStatement(ground: DecisionGround, stated: DecisionToState): DecisionStatement {
  const { environment, requestId, evidenceDigest, modelDigest, snapshot } = ground;
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: subjectName(ground), digest: { sha256: modelDigest } }],
    predicateType: PREDICATE_TYPE,
    predicate: { environment, requestId, evidenceDigest, evaluation: { snapshot }, ...stated },
  };
}

/** Signs a statement as the one spelling that {@link readSignedStatement} takes: JSON without white space. */
export function signStatement(statement: DecisionStatement, signer: Signer): DsseEnvelope {
  return signEnvelope(IN_TOTO_PAYLOAD, new TextEncoder().encode(JSON.stringify(statement)), signer);
}

/** An envelope with the statement inside; whether the signature holds is another question. */
export interface SignedStatement {
  readonly envelope: DsseEnvelope;
  readonly statement: DecisionStatement;
}

/** Reads an envelope of unknown shape and the statement in it; nothing that is sent can make it throw. */
export function readSignedStatement(value: unknown): Read<SignedStatement> {
  const envelope = readEnvelope(value);
  if (!envelope.ok) return envelope;
  const { payloadType } = envelope.value;
  if (payloadType !== IN_TOTO_PAYLOAD)
    return { ok: false, problem: `its envelope holds "${payloadType}"; expected "${IN_TOTO_PAYLOAD}"` };
  const parsed = parseCompactJson(payloadOf(envelope.value));
  if (!parsed.ok) return parsed;
  const wrong = whatIsWrong(parsed.value);
  if (wrong !== undefined) return { ok: false, problem: `its statement is no decision: ${wrong}` };
  return { ok: true, value: { envelope: envelope.value, statement: parsed.value as DecisionStatement } };
}

/** Which part of the ground a statement is not about; undefined when it is about all of it. */
export function whyStale({ subject, predicate }: DecisionStatement, ground: DecisionGround): string | undefined {
  const about: readonly (readonly [what: string, stated: string | number, now: string | number])[] = [
    ['environment', predicate.environment, ground.environment],
    ['version', subject[0].name, subjectName(ground)],
    ['model digest', subject[0].digest.sha256, ground.modelDigest],
    ['request', predicate.requestId, ground.requestId],
    ['evidence', predicate.evidenceDigest, ground.evidenceDigest],
    ['evaluation snapshot', predicate.evaluation.snapshot, ground.snapshot],
  ];
  const other = about.find(([, stated, now]) => stated !== now);
  if (other === undefined) return undefined;
  const [what, stated, now] = other;
  return `it is about another ${what} (${String(stated).slice(0, 100)}); the gate waits on ${now}`;
}

function subjectName({ model, version }: DecisionGround): string {
  return `${model}/${version}`;
}

// With a second spelling, white space or a key twice, two readers could read two decisions out of one signature.
function parseCompactJson(bytes: Uint8Array): Read<unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as unknown;
    if (JSON.stringify(value) === text) return { ok: true, value };
    return {
      ok: false,
      problem: 'its statement is not compact JSON: no white space, no key twice, no needless escapes',
    };
  } catch {
    return { ok: false, problem: 'its statement is not JSON in UTF-8' };
  }
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string' && value !== '';
const isDigest: Check = (value) => typeof value === 'string' && SHA256.test(value);
const isTexts: Check = (value) => Array.isArray(value) && value.length <= MOST_ROLES && value.every(isText);
const isOptional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isShape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    wrongField(value, fields) === undefined;

const PREDICATE_FIELDS: Readonly<Record<keyof DecisionPredicate, Check>> = {
  environment: isText,
  requestId: isText,
  decision: (value) => value === 'approve' || value === 'reject',
  approver: isText,
  roles: isOptional(isTexts),
  comment: (value) => typeof value === 'string',
  evidenceDigest: isDigest,
  evaluation: isShape({ snapshot: Number.isSafeInteger }),
  decidedAt: isInstant,
  proof: (value) => value === 'token' || value === 'signature',
  conditions: isOptional((value) => areConditions(value)),
};

const STATEMENT_FIELDS: Readonly<Record<keyof DecisionStatement, Check>> = {
  _type: (value) => value === STATEMENT_TYPE,
  subject: (value) =>
    Array.isArray(value) &&
    value.length === 1 &&
    isShape({ name: isText, digest: isShape({ sha256: isDigest }) })(value[0]),
  predicateType: (value) => value === PREDICATE_TYPE,
  predicate: isShape(PREDICATE_FIELDS),
};

/** Whether a value is a list of conditions as an approval may carry them. */
export function areConditions(value: unknown): value is readonly DecisionCondition[] {
  const isCondition = isShape({ condition: isText, due: isInstant });
  return Array.isArray(value) && value.length <= MOST_CONDITIONS && value.every(isCondition);
}

function whatIsWrong(value: unknown): string | undefined {
  const wrong = wrongField(value, STATEMENT_FIELDS);
  if (wrong !== 'predicate') return wrong === undefined ? undefined : `"${wrong}" is wrong`;
  const inner = wrongField((value as { readonly predicate: unknown }).predicate, PREDICATE_FIELDS);
  return `"predicate${inner === undefined ? '' : `.${inner}`}" is wrong`;
}

/** The first field that is missing, of the wrong shape, or unknown; `` for what has no fields at all. */
function wrongField(value: unknown, fields: Readonly<Record<string, Check>>): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
  const given = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) return unknown.slice(0, 100);
  return Object.entries(fields).find(
    ([name, holds]) => !holds(Object.hasOwn(given, name) ? given[name] : undefined),
  )?.[0];
}
