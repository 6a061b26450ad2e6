import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { notificationsSchema } from '../../../contracts/schemas/notifications.ts';
import { createDoorbell } from '../../../registry/webhooks/doorbell.ts';
import { noticeOf } from '../../../registry/webhooks/notices.ts';
import { OFFICER, openDeliveries, type DeliveriesFixture } from './deliveries-fixture.ts';
import { startReceiver, type Receiver } from './receiver.ts';

const EVIDENCE = 'ab'.repeat(32);
const COMMAND = `npm run decide -- approve promote-model/flights/3 --comment "why"`;
const OPENED = {
  action: 'GATE_OPENED' as const,
  model: 'flights',
  version: 3,
  evidenceDigest: EVIDENCE,
  workflowId: 'promote-model/flights/3',
  details: {
    until: '2001-03-03T00:00:00.000Z',
    evidenceUrl: 'http://127.0.0.1:8234/prod/flights/3',
    roles: ['governance'],
    commands: [{ purpose: 'Approve', command: COMMAND }],
  },
};

let fixture: DeliveriesFixture;
let receiver: Receiver;
let smtp: SMTPServer;
let mails: { readonly parsed: ParsedMail; readonly to: readonly string[] }[];
let refuseMail: boolean;
const variables: Record<string, string> = {};

beforeAll(async () => {
  fixture = await openDeliveries(variables);
  receiver = await startReceiver();
  smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) => {
      if (username === 'superstep' && password === 'p@ss') done(null, { user: username });
      else done(new Error('who are you?'));
    },
    onData: (stream, session, done) => {
      if (refuseMail) return done(new Error('not now'));
      void simpleParser(stream).then((parsed) => {
        mails.push({ parsed, to: session.envelope.rcptTo.map(({ address }) => address) });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  const { port } = smtp.server.address() as AddressInfo;
  variables['SUPERSTEP_SMTP'] = `smtp://superstep:p%40ss@127.0.0.1:${port}`;
});
afterAll(async () => {
  await new Promise<void>((resolve) => smtp.close(resolve));
  await receiver.close();
  await fixture.close();
});
beforeEach(() => {
  mails = [];
  refuseMail = false;
});

const EMAIL = {
  to: { governance: ['board@example.com', 'deputy@example.com'], 'ml-lead': ['lead@example.com'] },
  from: 'superstep@example.com',
  smtp: 'SUPERSTEP_SMTP',
};

/** Puts the section in force, as a doorbell finds it, and answers which subscribers then are due. */
async function inForce(section: object): Promise<readonly string[]> {
  await fixture.setNotifications(section);
  const notifications = notificationsSchema.parse(section);
  const { db, now } = fixture.deps;
  const start = async (): Promise<void> => undefined;
  return createDoorbell({ db, now, notifications: async () => notifications, start }).startDueDeliveries();
}

describe('notifiers', () => {
  afterEach(() => inForce({ console: false, file: false }));

  it('tell on the console and in a file, by default, what waits, on what, until when, and how to answer', async () => {
    expect(await inForce({})).toEqual([]);
    await fixture.act(OPENED);
    await fixture.act({ action: 'SET_TAG', model: 'flights', version: 3 });
    expect(await inForce({})).toEqual(['notify-console', 'notify-file']);
    await fixture.deliver('notify-console');
    expect(fixture.printed).toEqual([
      `[dev] flights version 3 waits for a decision
by: scientist
evidence: ${EVIDENCE}
until: 2001-03-03T00:00:00.000Z
look: http://127.0.0.1:8234/prod/flights/3
workflow: promote-model/flights/3
$ ${COMMAND}
`,
    ]);
    await fixture.deliver('notify-file');
    const lines = (await readFile(join(fixture.database.folder, 'notifications.jsonl'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      subject: '[dev] flights version 3 waits for a decision',
      activity: { evidenceDigest: EVIDENCE },
    });
  });

  it('tell that a version goes no further: by whom and why; not what went well, nor what moves nothing in Production', async () => {
    await inForce({});
    await fixture.deliverAll('notify-console');
    const before = fixture.printed.length;
    const version = { model: 'flights', version: 3 };
    const gate = { ...version, action: 'RECORDED_GATE' as const };
    await fixture.act({ ...gate, details: { gate: 'comparison', verdict: 'pass', findings: [] } });
    await fixture.act({
      ...gate,
      details: { gate: 'compliance', verdict: 'fail', findings: ['owner: none; expected a tag'] },
    });
    await fixture.act({ ...version, action: 'REJECTED_REQUEST', toStage: 'Staging', comment: 'not yet' });
    const refused = { ...version, toStage: 'Production' as const, comment: 'it is biased' };
    await fixture.act({ ...refused, action: 'REJECTED_REQUEST' });
    for (const action of ['EXPIRED_REQUEST', 'SUPERSEDED_REQUEST', 'CANCELLED_REQUEST'] as const)
      await fixture.act({ ...refused, action });
    await inForce({});
    await fixture.deliverAll('notify-console');
    expect(fixture.printed.slice(before)).toEqual([
      '[dev] flights version 3 does not pass the compliance gate\nby: scientist\nfound: owner: none; expected a tag\n',
      '[dev] flights version 3 does not go to Production: rejected\nby: scientist\ncomment: it is biased\n',
      '[dev] flights version 3 does not go to Production: nobody decided in time\nby: scientist\ncomment: it is biased\n',
      '[dev] flights version 3 does not go to Production: another one took its place\nby: scientist\ncomment: it is biased\n',
      '[dev] flights version 3 does not go to Production: the request was withdrawn\nby: scientist\ncomment: it is biased\n',
    ]);
  });

  it('tell that a webhook was given up, why, and how to let it go on', async () => {
    await inForce({ allow: ['127.0.0.1'] });
    await fixture.deliverAll('notify-console');
    const gone = await startReceiver();
    onTestFinished(gone.close);
    gone.answer(500);
    const events = ['model_version_tag.set'];
    const input = { kind: 'mlflow', name: 'ci', model: '', url: gone.url, events } as const;
    const { id } = await fixture.webhooks.createWebhook(input, OFFICER);
    const before = fixture.printed.length;
    await fixture.act({ action: 'SET_TAG', model: 'flights', version: 3 });
    await expect(fixture.deliver(id)).rejects.toMatchObject({ type: 'SourceUnavailable' });
    fixture.pass(86_400_000);
    expect(await fixture.deliver(id)).toMatchObject({ outcome: 'disabled' });
    await inForce({ allow: ['127.0.0.1'] });
    await fixture.deliverAll('notify-console');
    expect(fixture.printed.slice(before)).toEqual([
      expect.stringMatching(
        `^\\[dev\\] webhook ci has been disabled\nby: superstep\ncomment: failed since .*answered 500\n\\$ npm run webhooks -- enable ${id}\n$`,
      ),
    ]);
  });

  it('write a line of the file once, though its record was lost', async () => {
    await inForce({});
    await fixture.act(OPENED);
    const before = (await readFile(join(fixture.database.folder, 'notifications.jsonl'), 'utf8')).length;
    await fixture.deliver('notify-file');
    const once = await readFile(join(fixture.database.folder, 'notifications.jsonl'), 'utf8');
    expect(once.length).toBeGreaterThan(before);
    await fixture.database.db.write(async (trx) => {
      const last = await trx('deliveries')
        .where({ subscriber_id: 'notify-file' })
        .max<{ last: number }[]>({ last: 'activity' });
      const body = JSON.stringify({ ...OPENED, at: '', by: 'scientist', comment: '' });
      await trx('deliveries')
        .where({ subscriber_id: 'notify-file', activity: last[0]?.last })
        .update({ status: 'pending', body });
    });
    await fixture.deliver('notify-file');
    expect(await readFile(join(fixture.database.folder, 'notifications.jsonl'), 'utf8')).toBe(once);
  });

  it('post { text } to a chat', async () => {
    const section = { console: false, file: false, chat: [receiver.url], allow: ['127.0.0.1'] };
    await inForce(section);
    await fixture.act(OPENED);
    const [chat = ''] = await inForce(section);
    expect(chat).toMatch(/^notify-chat-[0-9a-f]{8}$/);
    receiver.answer(500, 200);
    expect((await fixture.deliverAll(chat)).outcome).toBe('nothing-left');
    const [first, second] = receiver.received.map(({ body }) => JSON.parse(body) as { readonly text: string });
    expect(first).toEqual(second);
    expect(first?.text).toContain('[dev] flights version 3 waits for a decision');
    expect(first?.text).toContain(COMMAND);
  });

  it('mail those roles that a notice is for, over a real server, and try again when that refuses', async () => {
    const section = { console: false, file: false, email: EMAIL };
    await inForce(section);
    await fixture.act(OPENED);
    await fixture.act({ action: 'CHANGED_POLICY', comment: 'line\r\nBcc: thief@example.com' });
    expect(await inForce(section)).toEqual(['notify-email']);
    refuseMail = true;
    await expect(fixture.deliver('notify-email')).rejects.toMatchObject({ type: 'SourceUnavailable' });
    refuseMail = false;
    expect(await fixture.deliver('notify-email')).toEqual({ outcome: 'nothing-left', delivered: 2 });
    const [gate, policy] = mails;
    expect(gate?.to).toEqual(['board@example.com', 'deputy@example.com']);
    expect(gate?.parsed.from?.value[0]?.address).toBe('superstep@example.com');
    expect(gate?.parsed.subject).toBe('[dev] flights version 3 waits for a decision');
    expect(gate?.parsed.text).toContain(`evidence: ${EVIDENCE}`);
    expect(gate?.parsed.text).toContain(COMMAND);
    const [delivery] = (await fixture.webhooks.listDeliveries('notify-email', 5)).filter(
      ({ event }) => event === 'GATE_OPENED',
    );
    expect(gate?.parsed.messageId).toBe(`<${delivery?.deliveryId}@superstep.invalid>`);
    expect(delivery).toMatchObject({ attempts: 2, status: 'delivered' });
    expect(policy?.to).toEqual(['board@example.com', 'deputy@example.com', 'lead@example.com']);
    expect(policy?.parsed.text).toContain('comment: line Bcc: thief@example.com');
  });

  it('say which variable lacks the mail server', async () => {
    const section = { console: false, file: false, email: { ...EMAIL, smtp: 'SUPERSTEP_SMTP_MISSING' } };
    await inForce(section);
    await fixture.act(OPENED);
    await inForce(section);
    await expect(fixture.deliver('notify-email')).rejects.toThrow(/SUPERSTEP_SMTP_MISSING/);
  });

  it('hear nothing of before they were named, nor of while they were not', async () => {
    await fixture.act({ ...OPENED, comment: 'before' });
    await inForce({ file: false });
    await inForce({ console: false, file: false });
    await fixture.act({ ...OPENED, comment: 'meanwhile' });
    await inForce({ file: false });
    await fixture.act({ ...OPENED, comment: 'after' });
    expect(await inForce({ file: false })).toEqual(['notify-console']);
    const before = fixture.printed.length;
    await fixture.deliver('notify-console');
    expect(fixture.printed.slice(before)).toEqual([expect.stringContaining('comment: after')]);
  });
});

describe('a notice', () => {
  const activity = {
    sequence: 1,
    at: '',
    model: '',
    version: 0,
    fromStage: null,
    toStage: null,
    by: 'scientist',
  } as const;
  const rest = { proof: 'token', comment: '', evidenceDigest: null, workflowId: null, workflowRunId: null } as const;

  it('says what does not pass today', () => {
    const findings = [{ kind: 'review', finding: 'nobody looked for a year', remedy: 'look' }];
    const notice = noticeOf(
      { ...activity, ...rest, model: 'm', version: 2, action: 'RECERTIFIED', details: { findings } },
      'prod',
    );
    expect(notice.subject).toBe('[prod] m version 2 does not pass the policy of today');
    expect(notice.lines).toContain('found: nobody looked for a year');
  });

  it('names the first of many findings, and counts the rest', () => {
    const reasons = Array.from({ length: 25 }, (_, i) => `column ${i} drifted`);
    const details = { reasons, retraining: 'train-to-deploy/m/monitor-1' };
    const { lines } = noticeOf({ ...activity, ...rest, action: 'MONITOR_ALERT', details }, 'prod');
    expect(lines).toContain('starts: train-to-deploy/m/monitor-1');
    const found = lines.filter((line) => line.startsWith('found: '));
    expect(found).toHaveLength(11);
    expect([found[0], found.at(-1)]).toEqual(['found: column 0 drifted', 'found: and 15 more']);
  });

  it('stands whatever the details are', () => {
    for (const details of [null, {}, { roles: 3, commands: [1, null, {}], findings: 'x', until: {} }])
      expect(noticeOf({ ...activity, ...rest, action: 'GATE_REMINDED', details }, 'prod').lines).toEqual([
        'by: scientist',
      ]);
  });
});
