import { z } from 'zod';
import { roleName } from './access.ts';

/** An address or a block of them (`10.1.2.3`, `10.0.0.0/8`, `fd00::/8`), or a host's name. */
const allowed = z
  .string()
  .regex(
    /^(?:[0-9a-fA-F.:]+(?:\/\d{1,3})?|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)$/,
    'expected an address, a block such as "10.0.0.0/8", or a host name in lower case',
  );

const email = z.strictObject({
  /** Addresses of each role: those of the roles that an event is for are told. */
  to: z.record(roleName, z.array(z.email()).min(1)),
  from: z.email(),
  /** The variable of the workers' environment that holds the server, as smtp(s)://user:password@host:port. */
  smtp: z.string().regex(/^SUPERSTEP_SMTP[A-Z0-9_]*$/, 'expected a name such as SUPERSTEP_SMTP or SUPERSTEP_SMTP_PROD'),
});

/** Section `notifications` of a policy: who is told what waits and what went wrong, and whom webhooks may reach. */
export const notificationsSchema = z.strictObject({
  /** A line of each notice in the output of the workers. */
  console: z.boolean().default(true),
  /** `notifications.jsonl` in the environment's home, a notice a line. */
  file: z.boolean().default(true),
  email: email.optional(),
  /** Incoming webhooks of a chat: each gets { text }. */
  chat: z.array(z.url({ protocol: /^https?$/ })).default([]),
  /** Targets inside of the own network that webhooks and chats may reach all the same; plain http only there. */
  allow: z.array(allowed).default([]),
});

export type NotificationPolicy = z.output<typeof notificationsSchema>;
