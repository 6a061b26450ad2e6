import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSqlite } from '../../../registry/database/dialect.ts';
import { writeHeadTo } from '../../../registry/audit/head-places.ts';
import { signHead } from '../../../registry/audit/heads.ts';
import { loadServerKey } from '../../../registry/identity/server-key.ts';
import { typescriptArguments } from '../../../scripts/processes/typescript-process.ts';
import { openTestRegistry, type TestRegistry } from '../../registry/open-test-registry.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let home: string;
let t: TestRegistry;
let heads: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'audit-cli-'));
  const folder = join(home, 'prod');
  await mkdir(folder);
  t = await openTestRegistry({ folder });
  const now = (): Date => new Date('2001-06-01T00:00:00Z');
  const key = await loadServerKey({ db: t.db, now, folder });
  await t.promoteNew('delays');
  await writeHeadTo({ file: 'heads.jsonl' }, await signHead({ db: t.db, environment: 'prod', key, now }), home);
  heads = join(home, 'heads.jsonl');
});
afterAll(async () => {
  await t.close();
  await rm(home, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(script: 'audit' | 'registry', ...args: string[]): Promise<Ended> {
  const url = 'url' in t.location ? { SUPERSTEP_REGISTRY_URL: t.location.url } : {};
  const child = spawn(process.execPath, [...typescriptArguments(join(ROOT, 'scripts', `${script}.ts`)), ...args], {
    cwd: home,
    env: { ...process.env, SUPERSTEP_HOME: home, ...url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => (stdout += String(piece)));
  child.stderr.on('data', (piece) => (stderr += String(piece)));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('npm run audit', () => {
  it('verifies, with heads and without, for people and for programs', async () => {
    expect(await run('audit', 'verify')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/one whole chain[^]*Give --heads/) as string,
    });
    const { code, stdout } = await run('audit', 'verify', '--heads', heads, '--json');
    const report = JSON.parse(stdout) as { ok: boolean; rows: number; coveredUntil: number };
    expect(code).toBe(0);
    expect(report).toMatchObject({ ok: true, headsThatAgree: 1 });
    expect(report.coveredUntil).toBe(report.rows);
  });

  it('ends with 1 for a head that somebody else put there, with 2 where it cannot tell', async () => {
    const forged = join(home, 'forged.jsonl');
    await writeFile(forged, `${await readFile(heads, 'utf8')}{"payloadType":"x"}\n`);
    expect(await run('audit', 'verify', '--heads', forged)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`${forged}:2`) as string,
    });
    expect(await run('audit', 'verify', '--heads', join(home, 'nowhere'))).toMatchObject({ code: 2 });
    expect(await run('audit', 'verify', '-n', 'dev')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no registry') as string,
    });
    expect(await run('audit', 'look')).toMatchObject({ code: 2 });
    expect(await run('audit', '--help')).toMatchObject({ code: 0 });
  });

  it('exports a pack and verifies it', async () => {
    const exported = await run('audit', 'export', '--model', 'delays', '--out', 'pack', '--offline');
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    expect(exported.stdout).toContain('missing: version 1: history of promote-model/delays/1');
    const fingerprint = /signed by key ([0-9a-f]{64})/.exec(exported.stdout)?.[1] ?? '';
    expect(await run('audit', 'verify-pack', 'pack', '--key', fingerprint)).toMatchObject({ code: 0 });
    expect(await run('audit', 'verify-pack', 'pack', '--key', 'f'.repeat(64))).toMatchObject({ code: 1 });
    expect(await run('audit', 'export', '--model', 'delays', '--out', 'pack', '--offline')).toMatchObject({ code: 2 });
    expect(await run('audit', 'export', '--model', 'fares', '--out', 'other', '--offline')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('UnknownModel') as string,
    });
  });
});

describe('npm run registry -- production', () => {
  it('tells what was in Production, since when, by whom and how proved', async () => {
    const { code, stdout } = await run('registry', 'production', '--model', 'delays');
    expect(code).toBe(0);
    for (const said of ['delays version 1', 'by governance (claimed)', 'it serves', 'promote-model%2Fdelays%2F1']) {
      expect(stdout).toContain(said);
    }
  });

  it('ends with 1 where nothing was, and with 2 for a time that is none', async () => {
    const at = ['production', '--model', 'delays', '--at'];
    expect(await run('registry', ...at, '1999-01-01T00:00:00Z')).toMatchObject({ code: 1 });
    expect(await run('registry', ...at, 'yesterday')).toMatchObject({ code: 2 });
    expect(await run('registry', ...at, '1999-01-01T00:00:00Z', '--json')).toMatchObject({ stdout: 'null\n' });
  });
});

describe('npm run audit, after a hand in the database', () => {
  it('names the first wrong row', async () => {
    await t.db.write(async (trx) => {
      const triggers = isSqlite(trx) ? ['no_update', 'no_delete'] : ['no_change'];
      const on = isSqlite(trx) ? '' : ' on activity_log';
      for (const trigger of triggers) await trx.raw(`drop trigger activity_log_${trigger}${on}`);
      await trx('activity_log').where({ id: 3 }).update({ done_by: 'somebody' });
    });
    expect(await run('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('First wrong row: 3 (altered)') as string,
    });
  });
});
