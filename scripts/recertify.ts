import { Client } from '@temporalio/client';
import { parseArgs } from 'node:util';
import { ENVIRONMENTS, isEnvironment } from '../contracts/environments.ts';
import type { RecertifyModelsInput, RecertifyModelsResult } from '../contracts/recertify-models.ts';
import { SUPERSTEP_QUEUE } from '../contracts/task-queues.ts';
import { workflowId } from '../contracts/workflow-ids.ts';
import { connectToServer } from './dev-server/connect-to-server.ts';
import { messageForPerson, runMain } from './message-for-person.ts';

const HELP = `npm run recertify [-- options]: holds what is in Production against the policy, the libraries and the review dates of today.

  -n, --environment <name>   dev, staging or prod; default prod
  --model <name>             default: every model with a version in Production
  --review --comment <text>  say that somebody has looked at it, as the policy's review_every asks
  --by <role>                who has; default governance
  --json                     the result as JSON

  It changes nothing in Production. It ends with 0 when all passes today, with 1 when there are findings, with 2 when it
  could not be found out.
  By the clock: npm run schedules -- apply --governance -n prod
`;

/** Runs `recertifyModels` and shows what it found. */
await runMain(async () => {
  const { values } = readArguments();
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const environment = values.environment;
  if (!isEnvironment(environment)) {
    throw messageForPerson(`there is no environment "${environment}"; expected ${ENVIRONMENTS.join(', ')}`);
  }
  const connection = await connectToServer(process.env);
  try {
    const client = new Client({ connection, namespace: environment });
    const result = await client.workflow.execute<(input: RecertifyModelsInput) => Promise<RecertifyModelsResult>>(
      'recertifyModels',
      {
        workflowId: workflowId('recertifyModels', environment, new Date().toISOString()),
        taskQueue: SUPERSTEP_QUEUE,
        args: [inputOf(values)],
        staticSummary: 'Hold Production against the policy of today',
      },
    );
    process.stdout.write(values.json === true ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
    return result.outcome === 'findings' ? 1 : 0;
  } finally {
    await connection.close();
  }
}, 2);

function readArguments() {
  try {
    return parseArgs({
      args: process.argv.slice(2),
      options: {
        help: { type: 'boolean', short: 'h' },
        environment: { type: 'string', short: 'n', default: 'prod' },
        model: { type: 'string' },
        review: { type: 'boolean' },
        comment: { type: 'string' },
        by: { type: 'string', default: 'governance' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw messageForPerson(`${(error as Error).message}\n\n${HELP}`);
  }
}

function inputOf(values: ReturnType<typeof readArguments>['values']): RecertifyModelsInput {
  const { model, review, comment, by } = values;
  if (review === true && comment === undefined) {
    throw messageForPerson(`a review says what was looked at: add --comment "…"\n\n${HELP}`);
  }
  return {
    ...(model === undefined ? {} : { model }),
    ...(review === true ? { review: { by, comment: comment ?? '' } } : {}),
  };
}

function describe({ outcome, models }: RecertifyModelsResult): string {
  const lines = models.flatMap(({ model, version, findings }) =>
    findings.length === 0
      ? [`${model} version ${version} passes today`]
      : [
          `${model} version ${version}:`,
          ...findings.map(({ kind, finding, remedy }) => `  ${kind}: ${finding}\n    -> ${remedy}`),
        ],
  );
  return `${[...lines, outcome].join('\n')}\n`;
}
