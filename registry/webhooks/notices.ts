import type { Activity } from '../activity-log.ts';

/** A notice as a person reads it. */
export interface Notice {
  readonly subject: string;
  readonly lines: readonly string[];
  /** Whom it is for, where the act says so; empty for everybody. */
  readonly roles: readonly string[];
}

const SUBJECTS: Readonly<Record<string, (who: string, activity: Activity) => string>> = {
  GATE_OPENED: (who) => `${who} waits for a decision`,
  GATE_REMINDED: (who) => `${who} still waits for a decision`,
  GATE_ESCALATED: (who) => `${who} has waited too long for a decision`,
  RECORDED_GATE: (who, { details }) => `${who} does not pass the ${textOf(details?.['gate']) ?? ''} gate`,
  REJECTED_REQUEST: (who) => `${who} does not go to Production: rejected`,
  EXPIRED_REQUEST: (who) => `${who} does not go to Production: nobody decided in time`,
  SUPERSEDED_REQUEST: (who) => `${who} does not go to Production: another one took its place`,
  CANCELLED_REQUEST: (who) => `${who} does not go to Production: the request was withdrawn`,
  PROMOTED_VERSION: (who) => `${who} is in Production`,
  ROLLED_BACK: (who) => `${who} is in Production again, by a rollback`,
  BROKE_GLASS: (who, { by }) => `${by} changed ${who} without a gate`,
  CHANGED_POLICY: () => 'the policy has changed',
  MONITOR_ALERT: (who) => `${who}: a monitor raises an alert`,
  RECERTIFIED: (who) => `${who} does not pass the policy of today`,
  RECONCILED: (_, { comment }) => `registry and workflows held against each other: ${comment}`,
  DISABLED_WEBHOOK: (_, { details }) => `webhook ${textOf(details?.['name']) ?? ''} has been disabled`,
};

const LONGEST_LINE = 2000;
const MOST_FINDINGS = 10;

/**
 * What an act says to a person: what happened or waits, on which evidence, until when, and the commands and links that
 * answer. Details come from whoever wrote the act; one that is missing is left out.
 */
export function noticeOf(activity: Activity, environment: string): Notice {
  const { model, version, action, by, comment, evidenceDigest, details, workflowId } = activity;
  const who = model === '' ? environment : version === 0 ? model : `${model} version ${version}`;
  const facts: [label: string, value: string | undefined][] = [
    ['by', by],
    ['comment', comment === '' ? undefined : comment],
    ['evidence', evidenceDigest ?? textOf(details?.['evidenceDigest'])],
    ['until', textOf(details?.['until'])],
    ['look', textOf(details?.['evidenceUrl']) ?? textOf(details?.['link'])],
    ['workflow', workflowId ?? undefined],
    ['starts', textOf(details?.['retraining'])],
  ];
  const commands = commandsOf(details?.['commands'] ?? details?.['command']);
  const lines = [
    ...facts.flatMap(([label, value]) => (value === undefined ? [] : [`${label}: ${oneLine(value)}`])),
    ...foundLines(findingsOf(details?.['findings'] ?? details?.['reasons'])),
    ...commands.map((command) => `$ ${oneLine(command)}`),
  ];
  const subject = SUBJECTS[action]?.(who, activity) ?? `${who}: ${action}`;
  return { subject: oneLine(`[${environment}] ${subject}`), lines, roles: rolesOf(details) };
}

/** The notice as one text. */
export function noticeText({ subject, lines }: Notice): string {
  return [subject, ...lines].join('\n');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A command as text, or as the gates give it: `{ label, command }`. */
function commandsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return list.flatMap((item) => {
    const command = typeof item === 'object' && item !== null && 'command' in item ? item.command : item;
    return textOf(command) ?? [];
  });
}

function foundLines(findings: readonly string[]): string[] {
  const more = findings.length - MOST_FINDINGS;
  const lines = findings.slice(0, MOST_FINDINGS).map((finding) => `found: ${oneLine(finding)}`);
  return more > 0 ? [...lines, `found: and ${more} more`] : lines;
}

function findingsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly unknown[]).flatMap((item) => {
    const finding = typeof item === 'object' && item !== null && 'finding' in item ? item.finding : item;
    return textOf(finding) ?? [];
  });
}

function rolesOf(details: Activity['details']): string[] {
  const roles: unknown = details?.['roles'] ?? details?.['approvers'];
  return Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [];
}

/** Comments are people's: none of them makes a second line, or a second header of a mail. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  const flat = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return flat.length > LONGEST_LINE ? `${flat.slice(0, LONGEST_LINE)}…` : flat;
}
