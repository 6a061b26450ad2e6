import { askRegistry, readToken, registryUrl } from '../rest/ask-registry.ts';
import type { RegistryCommand } from './arguments.ts';

type RollBackCommand = Extract<RegistryCommand, { readonly command: 'roll-back' }>;

/**
 * Asks the registry's server for a rollback, as whoever the token names, and tells how to see what becomes of it: lines
 * for a person, or the server's answer as JSON.
 *
 * @throws with the server's own words when it refuses
 */
export async function askToRollBack(
  { environment, model, reason, json }: RollBackCommand,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const url = `${await registryUrl(environment, env)}/api/2.0/superstep/models/${encodeURIComponent(model)}/roll-back`;
  const answer = await askRegistry({ method: 'POST', url, token: await readToken(env), body: { reason } });
  if (json) return [JSON.stringify(answer, null, 2)];
  const { ask, workflow_id: workflowId } = answer as { readonly ask: string; readonly workflow_id: string };
  return [
    `asked for, on record as ${ask}; the workflow ${workflowId} rolls back`,
    `  result    npm run temporal -- workflow result -n ${environment} -w ${workflowId}`,
    `  after it  npm run registry -- production -n ${environment} --model ${model}`,
  ];
}
