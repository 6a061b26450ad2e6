import { parseArgs } from 'node:util';
import { COMMENT_PLACEHOLDER } from '../../contracts/decision-message.ts';
import type { Decision, DecisionCondition } from '../../contracts/decision-statement.ts';
import { ENVIRONMENTS, type Environment, isEnvironment } from '../../contracts/environments.ts';
import { parseWorkflowId } from '../../contracts/workflow-ids.ts';
import { firstLine, messageForPerson } from '../message-for-person.ts';

export const DECIDE_HELP = `npm run decide -- approve|reject <workflow id> --comment "why" [options]

  Answers a gate that waits, as the environment's policy wants it proved:
    signature  signs a statement of the decision with your key and sends it by the Temporal CLI
    token      sends it over REST with your token; the registry's server signs that it was you
    claimed    sends your role's name by the Temporal CLI
  What is sent is printed first. A decision that is refused ends with exit code 1 and the reason.

  <workflow id>      promote-model/<model>/<version>
  -c, --comment      why; goes on record, for either answer
  --condition 'DAY TEXT'  with an approval, as often as you like: what must be done by that day (2026-12-31), which
                     npm run waivers -- conditions shows and recertification asks for
  -n, --environment  ${ENVIRONMENTS.join(', ')}; default prod
  --evidence DIGEST  of the evidence that you looked at, 12 digits or more: refused if the gate waits on other evidence
  --as ROLE          whose answer it is, where names are taken for proof
  --key FILE         private Ed25519 key as PEM; default ~/.config/superstep/key.pem. Signs also where a token would do
  --address HOST     Temporal server; default as npm run temporal
  --dry-run          prints what would be sent, and sends nothing

  Token: SUPERSTEP_TOKEN, or the file ~/.config/superstep/token. Registry: SUPERSTEP_REGISTRY_ADDRESS.
`;

export interface DecideCommand {
  readonly decision: Decision;
  readonly workflowId: string;
  readonly comment: string;
  /** What an approval asks for later. */
  readonly conditions: readonly DecisionCondition[];
  readonly environment: Environment;
  readonly evidence?: string;
  readonly as?: string;
  readonly keyFile?: string;
  readonly address?: string;
  readonly dryRun: boolean;
}

/** Reads the command line; undefined when help is asked for. @throws with what was found and what is allowed. */
export function parseDecideArguments(args: readonly string[]): DecideCommand | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [decision = '', workflowId = '', ...rest] = positionals;
  if (decision !== 'approve' && decision !== 'reject')
    throw wrong(`unknown decision "${decision}"; expected approve or reject`);
  if (parseWorkflowId(workflowId)?.type !== 'promoteModel')
    throw wrong(`"${workflowId}" is no promotion; expected promote-model/<model>/<version>`);
  if (rest.length > 0) throw wrong(`"${rest.join(' ')}" is too much; put the comment in quotes`);
  const comment = values.comment?.trim() ?? '';
  if (comment === '') throw wrong('a decision needs a reason: --comment "why"');
  if (comment === COMMENT_PLACEHOLDER) throw wrong(`the comment is still ${comment}; put your reason in its place`);
  const { environment, evidence, as, key, address } = values;
  if (!isEnvironment(environment))
    throw messageForPerson(`unknown environment "${environment}"; there are ${ENVIRONMENTS.join(', ')}`);
  const conditions = (values.condition ?? []).map(readCondition);
  if (conditions.length > 0 && decision === 'reject') throw wrong('conditions go with an approval only');
  return {
    decision,
    workflowId,
    comment,
    conditions,
    environment,
    dryRun: values['dry-run'] === true,
    ...(evidence === undefined ? {} : { evidence }),
    ...(as === undefined ? {} : { as }),
    ...(key === undefined ? {} : { keyFile: key }),
    ...(address === undefined ? {} : { address }),
  };
}

/** `2026-12-31 look at San Juan again`. */
function readCondition(text: string): DecisionCondition {
  const [, day = '', condition = ''] = /^(\S+)\s+(.*\S)\s*$/s.exec(text) ?? [];
  const due = new Date(day);
  if (condition !== '' && !Number.isNaN(due.getTime())) return { condition, due: due.toISOString() };
  throw wrong(
    `--condition "${text}": expected a day and what must be done by then, such as "2026-12-31 look at San Juan again"`,
  );
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        comment: { type: 'string', short: 'c' },
        environment: { type: 'string', short: 'n', default: 'prod' },
        condition: { type: 'string', multiple: true },
        evidence: { type: 'string' },
        as: { type: 'string' },
        key: { type: 'string' },
        address: { type: 'string' },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw wrong(firstLine(error));
  }
}

function wrong(message: string): Error {
  return messageForPerson(`${message}\n\n${DECIDE_HELP}`);
}
