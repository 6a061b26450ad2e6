import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../projects/load-policy.ts';
import { openRegistryDatabase, type RegistryDatabase } from '../../../registry/database.ts';
import { createIdentity, type Identity } from '../../../registry/identity/identity.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let home: string;
let db: RegistryDatabase;
let identity: Identity;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'users-'));
  await mkdir(join(home, 'prod'));
  db = openRegistryDatabase({ file: join(home, 'prod', 'registry.sqlite') });
  await db.migrate();
  const policy = async () => (await loadPolicy(join(ROOT, 'policies'), 'prod')).policy;
  identity = createIdentity({ db, now: () => new Date(), policy });
});
afterEach(async () => {
  await db.close();
  await rm(home, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
function users(...args: readonly string[]): Promise<Ran> {
  const env = {
    ...process.env,
    SUPERSTEP_HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    SUPERSTEP_REGISTRY_URL: '',
  };
  const command = ['--import', 'tsx', join(ROOT, 'scripts', 'users.ts'), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, cwd: ROOT }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}
const lastLine = ({ out }: Ran): string => out.trimEnd().split('\n').at(-1) ?? '';

describe('npm run users', () => {
  it('makes somebody who can come in, and lets them go', async () => {
    expect((await users('add', 'scientist', '--description', 'flights team')).code).toBe(0);
    expect((await users('grant', 'scientist', 'ml-lead', '--model', 'flights-delay')).out).toContain(
      'ml-lead for flights-delay',
    );
    const token = lastLine(await users('token', 'new', 'scientist', '--label', 'laptop'));
    const headers = { authorization: `Bearer ${token}` };
    expect((await identity.authenticate(headers)).rolesFor('flights-delay')).toEqual(['ml-lead']);
    const { out } = await users('list', '--json');
    expect(JSON.parse(out)).toMatchObject([
      { name: 'scientist', tokens: [{ label: 'laptop' }], roles: [{ role: 'ml-lead' }] },
    ]);
    expect(out).not.toContain(token);
    expect((await users('disable', 'scientist', '--reason', 'changed jobs')).out).toMatch(
      /^scientist left on .*changed jobs/,
    );
    await expect(identity.authenticate(headers)).rejects.toThrow(/changed jobs/);
    expect(lastLine(await users('list', 'scientist'))).toMatch(/^scientist +left \d{4}-\d\d-\d\d +- +- +-$/);
    const who = (await db.read((knex) => knex('activity_log').distinct().pluck('done_by'))) as string[];
    expect(who).toEqual([expect.stringMatching(/^machine:./)]);
  });

  it('makes a key that only its owner reads, once, and whose public half an admin adds', async () => {
    const made = await users('key', 'new', '--json');
    const key = JSON.parse(made.out) as { file: string; keyId: string; publicKey: string };
    expect(key.file).toBe(join(home, 'config', 'superstep', 'key.pem'));
    expect((await stat(key.file)).mode & 0o777).toBe(0o600);
    const pem = await readFile(key.file, 'utf8');
    const { x = '' } = createPrivateKey(pem).export({ format: 'jwk' });
    expect(Buffer.from(x, 'base64url').toString('hex')).toBe(key.publicKey);
    expect(made.out).not.toContain(pem.split('\n')[1]);
    const again = await users('key', 'new');
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('not overwritten') as string]);
    expect(await readFile(key.file, 'utf8')).toBe(pem);
    await users('add', 'scientist');
    expect((await users('key', 'add', 'scientist', key.publicKey)).out).toBe(
      `scientist may sign with key ${key.keyId}\n`,
    );
    expect((await users('key', 'add', 'scientist', key.file)).err).toContain('expected an Ed25519 public key');
    expect((await users('key', 'revoke', key.keyId, '--reason', 'lost')).out).toContain(
      `key ${key.keyId} of scientist ended`,
    );
  });

  it('replaces the admin token in its file', async () => {
    const token = lastLine(await users('admin-token'));
    const file = join(home, 'prod', 'admin-token');
    expect([(await readFile(file, 'utf8')).trim(), (await stat(file)).mode & 0o777]).toEqual([token, 0o600]);
    expect((await identity.authenticate({ authorization: `Bearer ${token}` })).may('administer')).toBe(true);
  });

  it('says what is wrong, and changes nothing then', async () => {
    await writeFile(join(home, 'no-key'), 'text');
    for (const [args, message] of [
      [['grant', 'scientist', 'viewer'], 'UnknownResource: there is no user "scientist"'],
      [['add', 'scientist', '--oidc'], 'the policy names no provider'],
      [['list', 'scientist'], 'there is no user "scientist"'],
      [['add', 'a:b'], 'InvalidInput'],
      [['key', 'add', 'scientist', join(home, 'absent')], 'neither a public key'],
      [['key', 'add', 'scientist', join(home, 'no-key')], 'expected an Ed25519 public key'],
      [['list', '-n', 'staging'], 'there is no registry'],
    ] as const) {
      const { code, out, err } = await users(...args);
      expect([code, out, err]).toEqual([1, '', expect.stringContaining(message) as string]);
      expect(err).not.toMatch(/\n +at /);
    }
    expect(await identity.principals()).toEqual([]);
  });
});
