import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fetchHistoryJson } from '../../activities/workflow-histories.ts';
import { ROOT } from '../../scripts/stack/stack-home.ts';
import { PROJECT } from '../support/small-flights.ts';
import { startTestStack, type TestStack, type WaitingGate, waitAtGate } from '../support/test-stack.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * A journey: prod, where a decision counts only from who has shown who it is, and what happens is told to a webhook.
 * Each step goes on from the one before.
 */
describe('a governed prod', () => {
  let superstep: TestStack;
  let receiver: Server;
  let mailServer: SMTPServer;
  let gate: WaitingGate;
  let admin: string;
  let officer: string;
  let scientist: string;
  const heard: Json[] = [];
  const refused = { posts: 0, mails: 0 };
  let mailed = 0;

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        // What went wrong once stands in the histories, too.
        if (refused.posts++ === 0) return void response.writeHead(503).end();
        heard.push(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Json);
        response.end('ok');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    mailServer = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username, password }, _session, done) => {
        if (password === MAIL_PASSWORD && refused.mails++ > 0) done(null, { user: username });
        else done(new Error('not now'));
      },
      onData: (stream, _session, done) => {
        stream.resume().on('end', () => {
          mailed += 1;
          done();
        });
      },
    });
    await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve));
    const { port } = mailServer.server.address() as AddressInfo;
    const variables = { SUPERSTEP_SMTP: `smtp://superstep:${MAIL_PASSWORD}@127.0.0.1:${port}` };
    superstep = await startTestStack({ policy: asksForTokens, variables });
    admin = (await readFile(join(superstep.home, 'prod', 'admin-token'), 'utf8')).trim();
  });
  afterAll(async () => {
    await superstep?.stop();
    receiver.close();
    await new Promise<void>((resolve) => mailServer.close(resolve));
  });

  const ask = async (
    token: string | null,
    method: string,
    path: string,
    body?: Json,
  ): Promise<{ readonly status: number; readonly answer: Json }> => {
    const response = await fetch(`${superstep.stack.addresses.registry}/api/2.0${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, answer: (await response.json()) as Json };
  };
  const script = (name: string, ...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [join(ROOT, 'scripts', 'launch.mjs'), name, ...args], {
      cwd: ROOT,
      env: {
        ...process.env,
        SUPERSTEP_HOME: superstep.home,
        SUPERSTEP_REGISTRY_ADDRESS: superstep.stack.addresses.registry,
        SUPERSTEP_TOKEN: officer,
        TEMPORAL_ADDRESS: superstep.stack.addresses.temporal,
        XDG_CONFIG_HOME: superstep.folder,
      },
    });
  const newUser = async (name: string, role: string): Promise<string> => {
    await ask(admin, 'POST', '/superstep/users', { name });
    await ask(admin, 'POST', `/superstep/users/${name}/roles`, { role });
    const { answer } = await ask(admin, 'POST', `/superstep/users/${name}/tokens`, { label: 'test' });
    return answer['token'] as string;
  };
  const version = { name: PROJECT, version: '1' };

  it('lets nobody in without a token, and lets the admin give tokens and roles', async () => {
    const search = '/mlflow/registered-models/search';
    expect((await ask(null, 'GET', search)).status).toBe(401);
    expect((await ask('ss_made-up', 'GET', search)).status).toBe(401);
    officer = await newUser('officer-1', 'governance');
    scientist = await newUser('scientist-1', 'viewer');
    expect(await ask(scientist, 'GET', search)).toEqual({ status: 200, answer: {} });
    expect((await ask(scientist, 'POST', '/mlflow/experiments/create', { name: 'mine' })).status).toBe(403);
  });

  it('tells a webhook what happens', async () => {
    const { port } = receiver.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/hook`;
    const events = [{ entity: 'MODEL_VERSION', action: 'CREATED' }];
    const made = await ask(admin, 'POST', '/mlflow/webhooks', {
      name: 'listener',
      url,
      events,
      secret: WEBHOOK_SECRET,
    });
    expect(made.status).toBe(200);
    expect(JSON.stringify(made.answer)).not.toContain(WEBHOOK_SECRET);
  });

  it('trains, and waits at the gate for a proof', async () => {
    const id = `train-to-deploy/${PROJECT}/february`;
    await superstep.cli(
      ...['workflow', 'start', '--type', 'trainToDeploy', '--task-queue', 'superstep', '--workflow-id', id],
      ...['--input', JSON.stringify({ project: PROJECT, asOf: '2001-02-20T00:00:00Z' })],
    );
    gate = await waitAtGate(superstep.client, `promote-model/${PROJECT}/1`);
    expect(gate.details).toContain('npm run decide');
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 30_000, interval: 200 });
    expect(heard[0]).toMatchObject({ entity: 'model_version', action: 'created', data: { name: PROJECT } });
  });

  it('shows clients what the workflows logged', async () => {
    const { answer } = await ask(scientist, 'GET', `/mlflow/model-versions/get?name=${PROJECT}&version=1`);
    const found = answer['model_version'] as Json;
    expect(found).toMatchObject({ name: PROJECT, current_stage: 'Staging', status: 'READY' });
    const run = await ask(scientist, 'GET', `/mlflow/runs/get?run_id=${String(found['run_id'])}`);
    expect(JSON.stringify(run.answer)).toContain('"auc"');
    const list = `/mlflow/artifacts/list?run_id=${String(found['run_id'])}&path=model`;
    expect((await ask(scientist, 'GET', list)).answer['files']).toMatchObject([
      { path: 'model/MLmodel' },
      { path: 'model/model.onnx' },
    ]);
  });

  it('has no side door', async () => {
    const stage = { ...version, stage: 'Production', archive_existing_versions: true };
    const refused = await ask(admin, 'POST', '/mlflow/model-versions/transition-stage', stage);
    expect(String(refused.answer['message'])).toContain('waits at its gate');
    expect((await ask(admin, 'DELETE', '/mlflow/registered-models/delete', { name: PROJECT })).status).toBe(403);
  });

  it('counts no claim, and no decision of who may not decide', async () => {
    const claim = { decision: 'approve', approver: 'governance', comment: 'trust me', evidence: gate.digest };
    const handle = superstep.client.workflow.getHandle(`promote-model/${PROJECT}/1`);
    await expect(handle.executeUpdate('decide', { args: [claim] })).rejects.toThrow();
    const approve = { ...version, stage: 'Production', archive_existing_versions: true, comment: 'good' };
    expect((await ask(scientist, 'POST', '/mlflow/transition-requests/approve', approve)).status).toBe(403);
    expect((await ask(admin, 'POST', '/mlflow/transition-requests/approve', approve)).status).toBe(403);
  });

  it('counts the decision of an officer with a token, and serves', async () => {
    const { stdout } = await script(
      ...(['decide', 'approve', `promote-model/${PROJECT}/1`] as const),
      ...['--comment', 'beats the baseline on every slice', '--evidence', gate.digest],
      ...['--condition', '2030-12-31 look at the small airports again'],
      ...['--address', superstep.stack.addresses.temporal],
    );
    expect(stdout).toContain('transition-requests/approve');
    const result = (await superstep.client.workflow.getHandle(`promote-model/${PROJECT}/1`).result()) as Json;
    expect(result['outcome']).toBe('promoted');
    expect(result['decisions']).toMatchObject([
      expect.objectContaining({ approver: 'officer-1', counted: true, proof: 'token' }) as unknown,
    ]);
  });

  it('says what is in Production, on whose word, and that nobody touched the record', async () => {
    const { answer } = await ask(scientist, 'GET', `/superstep/models/${PROJECT}/production`);
    expect(answer).toMatchObject({
      version: '1',
      entered_through: 'promotion',
      decided_by: ['officer-1'],
      decisions: [{ proof: 'token', comment: 'beats the baseline on every slice' }],
    });
    expect((await script('waivers', 'conditions', '--model', PROJECT)).stdout).toContain(
      'look at the small airports again, due 2030-12-31T00:00:00.000Z, asked for by officer-1; open',
    );
    expect((await script('audit', 'verify')).stdout).toContain('one whole chain');
    const workflowId = `promote-model/${PROJECT}/1`;
    const { runId: workflowRunId } = await superstep.client.workflow.getHandle(workflowId).describe();
    const ofWorkflow = (await (await superstep.records()).registry.activityLog(PROJECT)).filter(
      (act) => act.workflowId === workflowId,
    );
    // What the server could not hand to the gate, the server wrote down.
    const acts = ofWorkflow.filter((act) => !act.comment.includes('not counted'));
    expect(acts.map(({ action }) => action)).toEqual(expect.arrayContaining(BY_THE_WORKFLOW));
    for (const act of acts) expect(act, act.action).toMatchObject({ workflowId, workflowRunId });
    const json = (await script('registry', 'production', '--model', PROJECT, '--json')).stdout;
    expect(JSON.parse(json)).toMatchObject({ version: 1, decidedBy: [{ name: 'officer-1', proof: 'token' }] });
  });

  it('is recertified: nothing is missing today, and a stricter policy tells what is', async () => {
    expect((await script('recertify')).stdout).toContain(`${PROJECT} version 1 passes today`);
    const file = join(superstep.policies, 'prod.yaml');
    const yaml = await readFile(file, 'utf8');
    await writeFile(file, yaml.replace('proof: token', 'proof: signature'));
    const failed = await script('recertify').catch((error: unknown) => error as { code: number; stdout: string });
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stdout).toContain('too weak a proof today: officer-1 by token');
    await writeFile(file, yaml);
    const records = await superstep.records();
    const changes = (await records.registry.activitiesAfter(0, 1_000)).filter((act) => act.action === 'CHANGED_POLICY');
    expect(changes.length).toBeGreaterThanOrEqual(2);
  });

  it('rolls back for who has shown who it is, and not for who can start workflows', async () => {
    const { workflow } = superstep.client;
    const input = { model: PROJECT, reason: 'trust me', requestedBy: 'governance' };
    const claim = { taskQueue: 'superstep', workflowId: `roll-back-model/${PROJECT}/claim`, args: [input] };
    await expect(workflow.execute('rollBackModel', claim)).rejects.toMatchObject({
      cause: {
        cause: { type: 'NotAuthorized', message: expect.stringContaining('npm run registry -- roll-back') as string },
      },
    });
    const refused = await ask(scientist, 'POST', `/superstep/models/${PROJECT}/roll-back`, {
      reason: 'mine is better',
    });
    expect(refused).toMatchObject({ status: 403, answer: { error_code: 'PERMISSION_DENIED' } });
    const { stdout } = await script('registry', 'roll-back', '--model', PROJECT, '--reason', 'complaints', '--json');
    const asked = JSON.parse(stdout) as { readonly ask: string; readonly workflow_id: string };
    // It is the first version: the asking is believed, and there is nothing to go back to.
    expect(await workflow.getHandle(asked.workflow_id).result()).toMatchObject({ outcome: 'nothing-to-roll-back-to' });
    const acts = await (await superstep.records()).registry.activityLog(PROJECT);
    expect(acts.filter(({ action }) => action === 'ASKED_ROLLBACK')).toMatchObject([
      { by: 'officer-1', proof: 'token', version: 1, comment: 'complaints', details: { id: asked.ask } },
    ]);
  });

  it('breaks the glass for a reason only, says so for ever, and tells those who must know', async () => {
    const archive = { ...version, stage: 'Archived', archive_existing_versions: false };
    const path = '/mlflow/model-versions/transition-stage';
    const refused = await ask(admin, 'POST', path, archive);
    expect(String(refused.answer['message'])).toContain('rollBackModel');
    const broken = await ask(admin, 'POST', path, { ...archive, break_glass_reason: 'it leaks names' });
    expect(broken).toMatchObject({ status: 200, answer: { model_version: { current_stage: 'Archived' } } });
    expect((await ask(scientist, 'GET', `/superstep/models/${PROJECT}/production`)).status).toBe(404);
    const records = await superstep.records();
    const acts = await records.registry.activityLog(PROJECT);
    expect(acts.find((act) => act.action === 'BROKE_GLASS')).toMatchObject({ by: 'admin', proof: 'token' });
    const notices = join(superstep.home, 'prod', 'notifications.jsonl');
    await vi.waitFor(async () => expect(await readFile(notices, 'utf8')).toContain('it leaks names'), {
      timeout: 30_000,
      interval: 200,
    });
    expect(await readFile(notices, 'utf8')).toContain('waits for a decision');
  });

  it('has told Temporal none of the secrets that it used', async () => {
    await vi.waitFor(() => expect(mailed).toBeGreaterThan(0), { timeout: 60_000, interval: 200 });
    const histories = new Map<string, string>();
    for await (const { workflowId, runId } of superstep.client.workflow.list())
      histories.set(workflowId, `${histories.get(workflowId) ?? ''}${await readHistory(workflowId, runId)}\n`);
    // What must be there is found: the search reads what it says it reads.
    expect(histories.get(`promote-model/${PROJECT}/1`)).toContain('beats the baseline on every slice');
    expect(histories.get('deliver-events/notify-email')).toContain('not now');
    expect([...histories.values()].join('\n')).toContain('answered 503');
    const secrets = { admin, officer, scientist, WEBHOOK_SECRET, MAIL_PASSWORD };
    const told = [...histories].flatMap(([id, text]) =>
      Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name} in ${id}`] : [])),
    );
    expect(told).toEqual([]);
  });

  /** A run's history as JSON, then all that its payloads say, which stands there in base64. */
  async function readHistory(workflowId: string, runId: string): Promise<string> {
    const json = (await fetchHistoryJson(superstep.client, workflowId, runId)) ?? '';
    const payloads = [...json.matchAll(/"data": ?"([^"]*)"/g)].map(([, data = '']) => Buffer.from(data, 'base64'));
    return [json, ...payloads.map((payload) => payload.toString('utf8'))].join('\n');
  }
});

const BY_THE_WORKFLOW = ['RECORDED_GATE', 'GATE_OPENED', 'RECORDED_DECISION', 'APPLIED_TRANSITION', 'PROMOTED_VERSION'];

const WEBHOOK_SECRET = 'between-us';
const MAIL_PASSWORD = 'sesame-for-mail';

/** The shipped policy of prod with tokens for proof, a listener on this machine, and mail. */
function asksForTokens(yaml: string): string {
  const email = '{ from: superstep@example.com, smtp: SUPERSTEP_SMTP, to: { governance: [governance@example.com] } }';
  return yaml
    .replace('proof: claimed', 'proof: token')
    .concat(`notifications: { allow: [127.0.0.1], email: ${email} }\n`);
}
