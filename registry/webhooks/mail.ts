import { createTransport } from 'nodemailer';
import type { NotificationPolicy } from '../../contracts/schemas/notifications.ts';
import { noticeText, type Notice } from './notices.ts';

type EmailPolicy = NonNullable<NotificationPolicy['email']>;

const PATIENCE_MS = '30000';

export interface MailInput {
  /** Names the message: a receiver may drop one that it has already. */
  readonly deliveryId: string;
  readonly notice: Notice;
  readonly email: EmailPolicy;
  /** smtp(s)://user:password@host:port */
  readonly server: string;
}

/** Sends a notice to those whom it is for. @throws what the mail server or the way to it objects to */
export async function sendMail({ deliveryId, notice, email, server }: MailInput): Promise<void> {
  const transport = createTransport(withPatience(server));
  try {
    await transport.sendMail({
      from: email.from,
      to: recipientsOf(notice, email),
      subject: notice.subject,
      text: `${noticeText(notice)}\n`,
      messageId: `<${deliveryId}@superstep.invalid>`,
      // Nobody's holiday note answers it.
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  } finally {
    transport.close();
  }
}

/** The addresses of the roles that the notice names; of all, when it names none that has an address. */
export function recipientsOf({ roles }: Notice, { to }: EmailPolicy): string[] {
  const of = (role: string): string[] => (Object.hasOwn(to, role) ? (to[role] ?? []) : []);
  const named = [...new Set(roles.flatMap(of))];
  return named.length > 0 ? named : [...new Set(Object.keys(to).flatMap(of))];
}

/** A server that does not answer must not hold the others up for the ten minutes of the default. */
function withPatience(server: string): string {
  const url = new URL(server);
  for (const name of ['connectionTimeout', 'greetingTimeout', 'socketTimeout'])
    if (!url.searchParams.has(name)) url.searchParams.set(name, PATIENCE_MS);
  return url.href;
}
