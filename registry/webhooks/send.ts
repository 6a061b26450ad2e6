import { join } from 'node:path';
import type { NotificationPolicy } from '../../contracts/schemas/notifications.ts';
import type { Activity } from '../activity-log.ts';
import type { AttemptResult, NextDelivery } from './deliveries.ts';
import { guardedPost, type PostResult } from './guarded-post.ts';
import { sendMail } from './mail.ts';
import { appendOnce } from './notice-file.ts';
import { noticeOf, noticeText, type Notice } from './notices.ts';
import { chatUrl } from './notifiers.ts';
import type { SecretBox } from './secret-box.ts';
import { deliveryHeaders } from './signature.ts';
import { secretsOf } from './subscribers.ts';

export interface SendDeps {
  readonly environment: string;
  /** The environment's folder: `notifications.jsonl` lies there. */
  readonly home: string;
  readonly secrets: SecretBox;
  readonly now: () => Date;
  /** Writes a text for people to the output of the process. */
  readonly print: (text: string) => void;
  /** What a variable of the policy's `email.smtp` holds. */
  readonly smtp: (variable: string) => string | undefined;
  /** Milliseconds for an answer; the default is 30 s. */
  readonly answerWithinMs?: number;
}

/** Sends one event to its subscriber, once. Whatever is wrong with the way or the other end is the result, no error. */
export async function sendDelivery(
  delivery: NextDelivery,
  policy: NotificationPolicy,
  deps: SendDeps,
  signal?: AbortSignal,
): Promise<AttemptResult> {
  try {
    return await (isHttp(delivery) ? post(delivery, policy, deps, signal) : notify(delivery, policy, deps, signal));
  } catch (error) {
    if (signal?.aborted === true) throw error;
    const found = error instanceof Error ? error.message : String(error);
    return { responseStatus: null, problem: found.slice(0, 500) };
  }
}

function isHttp({ row }: NextDelivery): boolean {
  return row.kind === 'mlflow' || row.kind === 'databricks';
}

async function post(
  { row, deliveryId, body }: NextDelivery,
  { allow }: NotificationPolicy,
  { secrets, now, answerWithinMs }: SendDeps,
  signal: AbortSignal | undefined,
): Promise<AttemptResult> {
  const { secret, authorization } = secretsOf(secrets, row);
  const headers = {
    ...deliveryHeaders({ deliveryId, body, secret, at: now() }),
    ...(authorization === null ? {} : { authorization }),
  };
  const options = { allow, signal, ...(answerWithinMs === undefined ? {} : { answerWithinMs }) };
  return attemptOf(await guardedPost({ url: row.url ?? '', headers, body }, options));
}

async function notify(
  { row, deliveryId, body }: NextDelivery,
  policy: NotificationPolicy,
  deps: SendDeps,
  signal: AbortSignal | undefined,
): Promise<AttemptResult> {
  const activity = JSON.parse(body) as Activity;
  const notice = noticeOf(activity, deps.environment);
  switch (row.kind) {
    case 'email':
      await mail(deliveryId, notice, policy, deps);
      break;
    case 'chat':
      return chat(row.id, deliveryId, notice, policy, deps, signal);
    case 'file': {
      const line = { deliveryId, at: activity.at, environment: deps.environment, ...notice, activity };
      await appendOnce(join(deps.home, 'notifications.jsonl'), deliveryId, JSON.stringify(line));
      break;
    }
    case 'console':
    case 'mlflow':
    case 'databricks':
      deps.print(`${noticeText(notice)}\n`);
  }
  return { responseStatus: null, problem: null };
}

async function mail(deliveryId: string, notice: Notice, policy: NotificationPolicy, { smtp }: SendDeps): Promise<void> {
  const { email } = policy;
  // The policy has changed since; the next doorbell takes the notifier away.
  if (email === undefined) throw new Error('the policy names no e-mail any more');
  const server = smtp(email.smtp);
  if (server === undefined || !URL.canParse(server))
    throw new Error(
      `the workers' environment has no mail server in ${email.smtp}; expected smtps://user:password@host:465`,
    );
  await sendMail({ deliveryId, notice, email, server });
}

async function chat(
  id: string,
  deliveryId: string,
  notice: Notice,
  policy: NotificationPolicy,
  { now, answerWithinMs }: SendDeps,
  signal: AbortSignal | undefined,
): Promise<AttemptResult> {
  const url = chatUrl(policy, id);
  if (url === undefined) throw new Error('the policy names this chat no more');
  const body = JSON.stringify({ text: noticeText(notice) });
  const headers = deliveryHeaders({ deliveryId, body, secret: null, at: now() });
  const options = { allow: policy.allow, signal, ...(answerWithinMs === undefined ? {} : { answerWithinMs }) };
  return attemptOf(await guardedPost({ url, headers, body }, options));
}

/** A receiver takes an event by any status of 200 to 299. */
export function attemptOf(result: PostResult): AttemptResult {
  if ('problem' in result) return { responseStatus: null, problem: result.problem };
  const { status } = result;
  const taken = status >= 200 && status < 300;
  return { responseStatus: status, problem: taken ? null : `answered ${status}` };
}
