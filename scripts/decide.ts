import { Client } from '@temporalio/client';
import { join } from 'node:path';
import type { WaitingGate } from '../contracts/messages.ts';
import { type DecideCommand, DECIDE_HELP, parseDecideArguments } from './decide/arguments.ts';
import { claimAnswer, restRequest, signAnswer, updateArguments } from './decide/compose.ts';
import { configFolder, readPrivateKey } from './decide/private-key.ts';
import { runTemporalCli } from './decide/run-temporal-cli.ts';
import { describeGate, gateThatKnows, readWaitingGate, requireSameEvidence } from './decide/waiting-gate.ts';
import { connectToServer } from './dev-server/connect-to-server.ts';
import { serverAddress } from './dev-server/server-address.ts';
import { messageForPerson, runMain } from './message-for-person.ts';
import { cacheFolder } from './setup/cache.ts';
import { reportToStderr } from './setup/report.ts';
import { ensureTemporalCli } from './setup/temporal-cli.ts';
import { askRegistry, readToken, registryUrl } from './rest/ask-registry.ts';

/** `npm run decide -- approve|reject <workflow id> --comment "why"`: answers a gate as its policy wants it proved. */
await runMain(async () => {
  const command = parseDecideArguments(process.argv.slice(2));
  if (command === undefined) {
    print(DECIDE_HELP);
    return 0;
  }
  const env = command.address === undefined ? process.env : { ...process.env, TEMPORAL_ADDRESS: command.address };
  const connection = await connectToServer(env);
  try {
    const client = new Client({ connection, namespace: command.environment });
    return await decide(client, command, env);
  } finally {
    await connection.close();
  }
});

async function decide(client: Client, command: DecideCommand, env: NodeJS.ProcessEnv): Promise<number> {
  const { workflowId, evidence, keyFile } = command;
  const gate = await readWaitingGate(client, workflowId);
  print(`${describeGate(workflowId, gate)}\n\n`);
  requireSameEvidence(gate, evidence);
  const { proof } = gate.rules;
  requireNoClaim(command, proof);
  if (proof === 'token' && keyFile === undefined) return sendOverRest(gate, command, env);
  if (proof === 'claimed' && keyFile === undefined)
    return sendByCli(command, claimAnswer(gate, command, command.as), env);
  const signer = await readPrivateKey(keyFile ?? join(configFolder(env), 'key.pem'));
  const knowing = await gateThatKnows(client, workflowId, signer.keyId);
  // What is signed is what was shown above, and not what the gate may have turned to meanwhile.
  const shown = { ...gate, rules: { ...gate.rules, keys: knowing.rules.keys } };
  return sendByCli(command, { envelope: signAnswer(shown, command, signer, new Date()) }, env);
}

/** Who decides is what the key or the token says: a name beside it would only seem to count. */
function requireNoClaim({ as, keyFile }: DecideCommand, proof: string): void {
  if (as === undefined || (proof === 'claimed' && keyFile === undefined)) return;
  const who = proof === 'token' && keyFile === undefined ? 'token' : 'key';
  throw messageForPerson(`--as ${as} means nothing here: your ${who} says who you are. Leave it out`);
}

async function sendByCli(
  command: DecideCommand,
  message: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const args = updateArguments({ ...command, address: await serverAddress(env) }, message);
  print(`$ npm run temporal -- ${args.map(quoted).join(' ')}\n`);
  if (command.dryRun) return 0;
  return runTemporalCli(await ensureTemporalCli(cacheFolder(env), env, reportToStderr), args, env);
}

async function sendOverRest(gate: WaitingGate, command: DecideCommand, env: NodeJS.ProcessEnv): Promise<number> {
  const { environment } = command;
  const { path, body } = restRequest(gate, command);
  const url = `${await registryUrl(environment, env)}${path}`;
  print(`POST ${url}\n${JSON.stringify(body, null, 2)}\n`);
  if (command.dryRun) return 0;
  print(`${JSON.stringify(await askRegistry({ method: 'POST', url, body, token: await readToken(env) }), null, 2)}\n`);
  return 0;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** A shell word: quoted where it must be. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
