import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { DecisionKey } from '../../../contracts/approval-rules.ts';
import type { ApprovalPolicy, PromoteModelResult } from '../../../contracts/promote-model.ts';
import { workflowId } from '../../../contracts/workflow-ids.ts';
import { signingKeyId } from '../../../registry/identity/signing-keys.ts';
import { typescriptArguments } from '../../../scripts/processes/typescript-process.ts';
import { candidate, CHAMPION, evidenceDigest, PROJECT } from '../../workflows/sample-values.ts';
import { gateOpens, startWorkflowEnv, until, type WorkflowEnv } from '../../workflows/workflow-env.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/decide.ts', import.meta.url));

let env: WorkflowEnv;
beforeAll(async () => {
  env = await startWorkflowEnv(inject('workflowBundle'), 'prod');
});
afterAll(() => env.stop());

let versions = 0;

/** A promotion of a version of its own that waits at its gate. */
async function startAtGate(approval: Partial<ApprovalPolicy>, keys: readonly DecisionKey[] = [], later = keys) {
  const version = ++versions;
  const policy = { ...candidate().approval, ...approval };
  env.mocks.answer({
    pinPromotion: async () => candidate({ version, approval: policy, modelDigest: 'e'.repeat(64) }),
    openApproval: async () => ({ outcome: 'open', requestId: 'request-1', superseded: [], keys }),
    approvalStanding: async () => ({ request: 'open', champion: CHAMPION, keys: later, left: [] }),
  });
  const id = workflowId('promoteModel', PROJECT, version);
  const handle = await env.start('promoteModel', { project: PROJECT, version }, id);
  await gateOpens(handle);
  return { id, version, handle };
}

/** A person with a key where the script looks for it. */
async function person(owner: string): Promise<{ readonly config: string; readonly key: DecisionKey }> {
  const config = await temporaryFolder();
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
  await mkdir(join(config, 'superstep'));
  await writeFile(join(config, 'superstep', 'key.pem'), pem, { mode: 0o600 });
  const { x = '' } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url').toString('hex');
  return { config, key: { keyId: signingKeyId(publicKey), owner, roles: ['governance'], publicKey, kind: 'person' } };
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function decide(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const { SUPERSTEP_TOKEN: _, ...inherited } = process.env;
    const setting = {
      env: { ...inherited, TEMPORAL_ADDRESS: env.address, XDG_CONFIG_HOME: '/nonexistent', ...variables },
    };
    execFile(process.execPath, typescriptArguments(SCRIPT, ...args), setting, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function outcome(handle: WorkflowHandle): Promise<PromoteModelResult> {
  return (await handle.result()) as PromoteModelResult;
}

describe('npm run decide, where the policy asks for signatures', () => {
  it('shows what is decided on, signs with the person’s key, and prints and runs the command', async () => {
    const { config, key } = await person('officer');
    const { id, handle, version } = await startAtGate({ proof: 'signature' }, [key]);
    const args = ['approve', id, '--comment', "it's better", '--evidence', evidenceDigest().slice(0, 12)];
    const { code, stdout, stderr } = await decide(args, { XDG_CONFIG_HOME: config });
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).toContain(`${PROJECT} version ${version}, sha256 ${'e'.repeat(64)}`);
    expect(stdout).toContain(evidenceDigest());
    expect(stdout).toContain('http://127.0.0.1:8234/prod/');
    expect(stdout).toContain(`$ npm run temporal -- workflow update execute --address ${env.address} -n prod -w ${id}`);
    const { outcome: ended, decisions } = await outcome(handle);
    expect(ended).toBe('promoted');
    expect(decisions).toEqual([
      {
        approver: 'officer',
        decision: 'approve',
        comment: "it's better",
        counted: true,
        via: 'update',
        proof: 'signature',
      },
    ]);
  });

  it('sends nothing in a dry run, nor on other evidence than was looked at', async () => {
    const { config, key } = await person('officer');
    const { id, handle } = await startAtGate({ proof: 'signature' }, [key]);
    const dry = await decide(['approve', id, '-c', 'x', '--dry-run'], { XDG_CONFIG_HOME: config });
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('"envelope"') as string });
    const other = await decide(['approve', id, '-c', 'x', '--evidence', 'ffffffffffff'], { XDG_CONFIG_HOME: config });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('not on ffffffffffff') as string });
    expect(env.mocks.calls('recordDecision')).toEqual([]);
    await handle.terminate();
  });

  it('lets the gate learn a key that was added after it opened', async () => {
    const { config, key } = await person('officer');
    const { id, handle } = await startAtGate({ proof: 'signature' }, [], [key]);
    expect(await decide(['reject', id, '-c', 'no'], { XDG_CONFIG_HOME: config })).toMatchObject({ code: 0 });
    expect(await outcome(handle)).toMatchObject({ outcome: 'rejected' });
  });

  it('says what is missing: a key, one that nobody else can read, a gate that waits', async () => {
    const { config, key } = await person('officer');
    const { id, handle } = await startAtGate({ proof: 'signature' }, [key]);
    const without = await decide(['approve', id, '-c', 'x']);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no key') as string });
    const file = join(config, 'superstep', 'open.pem');
    await writeFile(file, '-----BEGIN PRIVATE KEY-----', { mode: 0o644 });
    const open = await decide(['approve', id, '-c', 'x', '--key', file]);
    expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining('0600') as string });
    const nobody = await decide(['approve', 'promote-model/nothing/1', '-c', 'x']);
    expect(nobody).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no promote-model/nothing/1 in prod') as string,
    });
    await handle.signal('reject', { envelope: 'x' });
    await until('it is recorded', () => env.mocks.calls('recordDecision').length === 1);
    await handle.cancel();
    await handle.result().catch(() => undefined);
    const ended = await decide(['approve', id, '-c', 'x'], { XDG_CONFIG_HOME: config });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('it has ended, cancelled') as string });
    const unknown = ApplicationFailure.nonRetryable('there is no model "bikes"', 'UnknownModel');
    env.mocks.answer({ pinPromotion: () => Promise.reject(unknown) });
    const failing = await env.start('promoteModel', { project: PROJECT, version: 1 }, 'promote-model/bikes/1');
    await failing.result().catch(() => undefined);
    const failed = await decide(['approve', 'promote-model/bikes/1', '-c', 'x']);
    expect(failed.stderr).toContain('it has ended, failed: there is no model "bikes"');
  });
});

describe('npm run decide, where names are taken for proof', () => {
  it('sends the role’s name by the CLI, and asks for it where there are several', async () => {
    const { id, handle } = await startAtGate({});
    const unnamed = await decide(['approve', id, '-c', 'x']);
    expect(unnamed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--as governance or --as ml-lead') as string,
    });
    const { code, stdout } = await decide(['approve', id, '-c', 'x', '--as', 'ml-lead']);
    expect(code).toBe(0);
    expect(stdout).toContain('"approver":"ml-lead"');
    expect(await outcome(handle)).toMatchObject({
      outcome: 'promoted',
      decisions: [{ approver: 'ml-lead', counted: true }],
    });
  });
});

describe('npm run decide, where the policy asks for tokens', () => {
  /** Answers every request with this; remembers what was asked. */
  async function registryThatSays(status: number, answer: object) {
    const asked: { readonly url: string; readonly token: string; readonly body: unknown }[] = [];
    const server = createServer((request: IncomingMessage, response) => {
      let text = '';
      request.on('data', (piece: Buffer) => (text += piece.toString()));
      request.on('end', () => {
        asked.push({ url: request.url ?? '', token: request.headers.authorization ?? '', body: JSON.parse(text) });
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it('asks the registry, names the evidence, and shows the token to nobody else', async () => {
    const { id, version, handle } = await startAtGate({ proof: 'token' });
    const { asked, url } = await registryThatSays(200, { activity: { comment: 'ok' } });
    const variables = { SUPERSTEP_TOKEN: 'secret-token', SUPERSTEP_REGISTRY_ADDRESS: url };
    const { code, stdout } = await decide(['approve', id, '-c', 'better'], variables);
    expect(code).toBe(0);
    expect(stdout).not.toContain('secret-token');
    expect(asked).toEqual([
      {
        url: '/api/2.0/mlflow/transition-requests/approve',
        token: 'Bearer secret-token',
        body: {
          name: PROJECT,
          version: String(version),
          stage: 'Production',
          archive_existing_versions: true,
          comment: 'better',
          request_id: 'request-1',
          evidence: evidenceDigest(),
        },
      },
    ]);
    await handle.terminate();
  });

  it('says why the registry refused, and what is missing without a token', async () => {
    const { id, handle } = await startAtGate({ proof: 'token' });
    const { url } = await registryThatSays(403, {
      error_code: 'PERMISSION_DENIED',
      message: 'auditor is no approver',
    });
    const refused = await decide(['reject', id, '-c', 'no'], { SUPERSTEP_TOKEN: 't', SUPERSTEP_REGISTRY_ADDRESS: url });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('PERMISSION_DENIED): auditor is no approver') as string,
    });
    const without = await decide(['reject', id, '-c', 'no'], { SUPERSTEP_REGISTRY_ADDRESS: url });
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('set SUPERSTEP_TOKEN') as string });
    await handle.terminate();
  });
});
