import { parseArgs } from 'node:util';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { BUILT_IN_ROLES } from '../../contracts/schemas/access.ts';
import { DEFAULT_TOKEN_DAYS, LONGEST_TOKEN_DAYS } from '../../registry/identity/tokens.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const USERS_HELP = `npm run users -- <command> [-n environment] [--json]

Works on the registry's database directly, as whoever owns this machine; docs/access.md tells what it is for.

  add <name>               make a user; --service for a program, --oidc for somebody who comes through the provider
  list [name]              show who there is, with roles, tokens and keys
  grant <name> <role>      give a role, with --model for one model only
  revoke <name> <role>     take it away
  disable <name>           somebody leaves: tokens, roles and keys end at once; needs --reason
  token new <name>         make a token and show it once; needs --label, lasts --days (${DEFAULT_TOKEN_DAYS}, at most ${LONGEST_TOKEN_DAYS})
  token revoke <id>        end a token; needs --reason
  key new                  make an Ed25519 key to sign decisions with; --out FILE (~/.config/superstep/key.pem)
  key add <name> <key>     let somebody sign with a key: 64 hex digits, or a file with the public key as PEM
  key revoke <key id>      end a key; needs --reason
  admin-token              replace the token that the local scripts use

  -n, --environment        ${ENVIRONMENTS.join(', ')}; default prod
  --description TEXT       with add
  --json                   print JSON

Roles: ${BUILT_IN_ROLES.join(', ')}, and those that policies/<environment>.yaml names.
`;

/** What is asked for; `environment` says where. */
export type UsersAct =
  | {
      readonly act: 'add';
      readonly name: string;
      readonly kind: 'user' | 'service';
      readonly oidc: boolean;
      readonly description: string;
    }
  | { readonly act: 'list'; readonly name: string | undefined }
  | { readonly act: 'grant' | 'revoke'; readonly name: string; readonly role: string; readonly model: string | null }
  | { readonly act: 'disable'; readonly name: string; readonly reason: string }
  | { readonly act: 'new-token'; readonly name: string; readonly label: string; readonly days: number }
  | { readonly act: 'revoke-token' | 'revoke-key'; readonly id: string; readonly reason: string }
  | { readonly act: 'new-key'; readonly out: string | undefined }
  | { readonly act: 'add-key'; readonly name: string; readonly key: string }
  | { readonly act: 'admin-token' };

export interface UsersCommand {
  readonly what: UsersAct;
  readonly environment: Environment;
  readonly json: boolean;
}

type Options = ReturnType<typeof parse>['values'];
type Option = keyof Options;

interface Shape {
  /** What stands behind the command's words, in order; the last may be missing when `optional`. */
  readonly operands: readonly string[];
  readonly optional?: boolean;
  readonly options: readonly Option[];
  readonly read: (operands: readonly string[], options: Options) => UsersAct;
}

const at = (operands: readonly string[], index: number): string => operands[index] ?? '';

const changeOfRole = (act: 'grant' | 'revoke'): Shape => ({
  operands: ['name', 'role'],
  options: ['model'],
  read: (o, { model = null }) => ({ act, name: at(o, 0), role: at(o, 1), model }),
});
const ending = (act: 'revoke-token' | 'revoke-key'): Shape => ({
  operands: ['id'],
  options: ['reason'],
  read: (o, options) => ({ act, id: at(o, 0), reason: required(options, 'reason') }),
});

const SHAPES: Readonly<Record<string, Shape>> = {
  add: {
    operands: ['name'],
    options: ['service', 'oidc', 'description'],
    read: (o, { service = false, oidc = false, description = '' }) => ({
      act: 'add',
      name: at(o, 0),
      kind: service ? 'service' : 'user',
      oidc,
      description,
    }),
  },
  list: { operands: ['name'], optional: true, options: [], read: (o) => ({ act: 'list', name: o[0] }) },
  grant: changeOfRole('grant'),
  revoke: changeOfRole('revoke'),
  disable: {
    operands: ['name'],
    options: ['reason'],
    read: (o, options) => ({ act: 'disable', name: at(o, 0), reason: required(options, 'reason') }),
  },
  'token new': {
    operands: ['name'],
    options: ['label', 'days'],
    read: (o, options) => ({
      act: 'new-token',
      name: at(o, 0),
      label: required(options, 'label'),
      days: daysOf(options),
    }),
  },
  'token revoke': ending('revoke-token'),
  'key new': { operands: [], options: ['out'], read: (_o, { out }) => ({ act: 'new-key', out }) },
  'key add': {
    operands: ['name', 'key'],
    options: [],
    read: (o) => ({ act: 'add-key', name: at(o, 0), key: at(o, 1) }),
  },
  'key revoke': ending('revoke-key'),
  'admin-token': { operands: [], options: [], read: () => ({ act: 'admin-token' }) },
};

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseUsersArguments(args: readonly string[]): UsersCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const word = [positionals.slice(0, 2).join(' '), positionals[0] ?? ''].find((name) => Object.hasOwn(SHAPES, name));
  const shape = word === undefined ? undefined : SHAPES[word];
  if (word === undefined || shape === undefined)
    throw mistake(`unknown command "${positionals.slice(0, 2).join(' ')}"`);
  const operands = positionals.slice(word.split(' ').length);
  const { operands: names, optional = false } = shape;
  if (operands.length > names.length) throw mistake(`"${operands.slice(names.length).join(' ')}" is too much`);
  const missing = names[operands.length];
  if (missing !== undefined && !optional) throw mistake(`${word} needs a ${missing}`);
  const stray = strayOption(values, shape.options);
  if (stray !== undefined) throw mistake(`--${stray} says nothing to ${word}`);
  const { environment, json = false } = values;
  if (!isEnvironment(environment)) {
    throw messageForPerson(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  }
  return { what: shape.read(operands, values), environment, json };
}

/** A --model that a command would not heed must not look heeded. */
function strayOption(values: Options, heeded: readonly Option[]): string | undefined {
  return Object.keys(values).find((name) => !([...heeded, 'environment', 'json', 'help'] as string[]).includes(name));
}

function required(options: Options, name: 'reason' | 'label'): string {
  const value = options[name]?.trim() ?? '';
  if (value === '') throw mistake(`--${name} is missing`);
  return value;
}

function daysOf({ days }: Options): number {
  if (days === undefined) return DEFAULT_TOKEN_DAYS;
  if (!/^\d{1,4}$/.test(days)) throw mistake(`--days "${days}" is no whole number of days`);
  return Number(days);
}

function mistake(what: string): Error {
  return messageForPerson(`${what}\n\n${USERS_HELP}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        environment: { type: 'string', short: 'n', default: 'prod' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        service: { type: 'boolean' },
        oidc: { type: 'boolean' },
        description: { type: 'string' },
        model: { type: 'string' },
        label: { type: 'string' },
        days: { type: 'string' },
        reason: { type: 'string' },
        out: { type: 'string' },
      },
    });
  } catch (error) {
    throw mistake(firstLine(error));
  }
}
