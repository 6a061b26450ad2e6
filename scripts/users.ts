import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { loadPolicy } from '../projects/load-policy.ts';
import { openRegistryDatabase } from '../registry/database.ts';
import { createIdentity } from '../registry/identity/identity.ts';
import { configFolder } from './decide/private-key.ts';
import { runMain } from './message-for-person.ts';
import { environmentFolder, registryLocation } from './stack/registry-location.ts';
import { ROOT } from './stack/stack-home.ts';
import { actOnUsers, type Shown } from './users/act.ts';
import { parseUsersArguments, USERS_HELP, type UsersAct } from './users/arguments.ts';
import { makeKey } from './users/new-key.ts';

/** `npm run users -- <command>`: who may do what in an environment, for whoever owns this machine. */
await runMain(async () => {
  const command = parseUsersArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(USERS_HELP);
    return 0;
  }
  const { what, environment, json } = command;
  const shown = what.act === 'new-key' ? await newKey(what.out) : await inEnvironment(what, environment);
  process.stdout.write(
    json ? `${JSON.stringify(shown.json, null, 2)}\n` : shown.lines.map((line) => `${line}\n`).join(''),
  );
  return 0;
});

async function newKey(out = join(configFolder(process.env), 'key.pem')): Promise<Shown> {
  const key = await makeKey(resolve(out));
  const lines = [
    `made ${key.file}, which only you can read: keep it, and give it to nobody`,
    `public key ${key.publicKey}`,
    `an admin lets you sign with it: npm run users -- key add <your name> ${key.publicKey}`,
  ];
  return { lines, json: key };
}

async function inEnvironment(
  what: Exclude<UsersAct, { act: 'new-key' }>,
  environment: Parameters<typeof registryLocation>[0],
): Promise<Shown> {
  const policies = resolve(process.env['SUPERSTEP_POLICIES'] || join(ROOT, 'policies'));
  const policy = async () => (await loadPolicy(policies, environment)).policy;
  const now = (): Date => new Date();
  const db = openRegistryDatabase(registryLocation(environment, process.env));
  try {
    await db.migrate();
    const identity = createIdentity({ db, now, policy });
    // Not a name that an account could have: nobody has proved anything but to be on this machine.
    const by = { name: `machine:${userInfo().username}`, proof: 'claimed' as const };
    return await actOnUsers(what, {
      identity,
      db,
      now,
      policy,
      folder: environmentFolder(environment, process.env),
      by,
    });
  } finally {
    await db.close();
  }
}
