import { Client } from '@temporalio/client';
import { verifyPack } from '../registry/audit/pack/verify-pack.ts';
import { loadServerKey } from '../registry/identity/server-key.ts';
import { type AuditCommand, AUDIT_HELP, parseAuditArguments } from './audit/arguments.ts';
import { exportPack } from './audit/export-pack.ts';
import { openEnvironment } from './audit/open-environment.ts';
import { trustedKeys } from './audit/public-keys.ts';
import { describeVerification, verifyAudit } from './audit/verify.ts';
import { connectToServer } from './dev-server/connect-to-server.ts';
import { runMain } from './message-for-person.ts';

/** `npm run audit -- verify|export|verify-pack`: 0 all holds, 1 something does not, 2 it could not be found out. */
await runMain(main, 2);

async function main(): Promise<number> {
  const command = parseAuditArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(AUDIT_HELP);
    return 0;
  }
  if (command.command === 'verify') return verify(command);
  return command.command === 'export' ? exportOf(command) : verifyPackOf(command);
}

async function verify({ environment, heads, keys, json }: AuditCommand): Promise<number> {
  const open = await openEnvironment(environment, process.env);
  try {
    const report = await verifyAudit(open, heads, await trustedKeys(open.home, keys));
    print(json ? [JSON.stringify(report, null, 2)] : describeVerification(report));
    return report.ok ? 0 : 1;
  } finally {
    await open.close();
  }
}

async function exportOf({ environment, model, version, folder, offline, json }: AuditCommand): Promise<number> {
  const open = await openEnvironment(environment, process.env);
  const connection = offline ? undefined : await connectToServer(process.env);
  try {
    const now = (): Date => new Date();
    const client = connection === undefined ? undefined : new Client({ connection, namespace: environment });
    const key = await loadServerKey({ db: open.db, now, folder: open.home });
    const manifest = await exportPack(open, { model, version, folder, client, key, now });
    const { fingerprint } = await verifyPack(folder, []);
    const files = Object.keys(manifest.files).length;
    print(
      json
        ? [JSON.stringify({ folder, fingerprint, ...manifest }, null, 2)]
        : [
            `${folder}: ${model}, ${counted('version', manifest.versions)}; ${files} files`,
            `signed by key ${fingerprint}`,
            ...manifest.missing.map((what) => `missing: ${what}`),
          ],
    );
    return 0;
  } finally {
    await connection?.close();
    await open.close();
  }
}

async function verifyPackOf({ folder, keys, json }: AuditCommand): Promise<number> {
  const isFingerprint = (key: string): boolean => /^[0-9a-f]{64}$/i.test(key);
  // 64 digits are a key or a fingerprint: the pack's own key tells which.
  const named = [
    ...keys.filter(isFingerprint).map((key) => key.toLowerCase()),
    ...(await trustedKeys(
      undefined,
      keys.filter((key) => !isFingerprint(key)),
    )),
  ];
  const { ok, checks, unread, fingerprint, manifest } = await verifyPack(folder, named);
  const lines = checks.flatMap(({ what, faults }) => [
    `${faults.length === 0 ? 'holds ' : 'FAULT '} ${what}`,
    ...faults.map((fault) => `         ${fault}`),
  ]);
  if (unread.length > 0) lines.push(`unread ${unread.join(', ')}: only what was signed can be trusted to be read`);
  const known = named.length > 0 ? '' : '; compare it with what you know of the environment, or give --key';
  print(
    json
      ? [JSON.stringify({ ok, fingerprint, checks, unread, missing: manifest.missing }, null, 2)]
      : [...lines, `signed by key ${fingerprint}${known}`, ...manifest.missing.map((what) => `missing: ${what}`)],
  );
  return ok ? 0 : 1;
}

function counted(what: string, numbers: readonly number[]): string {
  return `${what}${numbers.length === 1 ? '' : 's'} ${numbers.join(', ')}`;
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
