/** What a worker prints for people begins so; whoever runs it shows it to them. */
export const NOTICE_PREFIX = 'notice: ';

/** A text for people as a worker prints it, each line marked. */
export function asNotice(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `${NOTICE_PREFIX}${line}\n`)
    .join('');
}
