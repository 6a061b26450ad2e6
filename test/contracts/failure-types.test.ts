import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURE_TYPES, SuperstepError, type FailureType } from '../../contracts/failure-types.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** Sections of docs/errors.md by failure type. */
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section.split(/^## /m)[0] ?? '']),
);

describe('docs/errors.md', () => {
  it('has a section for each failure type and no other, in the same order', () => {
    expect([...sections.keys()]).toEqual(Object.keys(FAILURE_TYPES));
  });

  it.each(Object.entries(FAILURE_TYPES))(
    'says of %s what it means, what to do, and whether it is retried',
    (type, { retryable }) => {
      const section = sections.get(type) ?? '';
      expect(section).toMatch(/^\w+\n\n[A-Z`].{40,}/);
      expect(section).toMatch(/^- What to do: .{20,}$/m);
      expect(section).toMatch(retryable ? /^- Retried: yes$/m : /^- Retried: no$/m);
    },
  );
});

describe('SuperstepError', () => {
  it('carries its type, its message and its facts', () => {
    const error = new SuperstepError('EmptyDataset', 'no rows', { rows: 0 });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.type, error.message, error.details]).toEqual([
      'SuperstepError',
      'EmptyDataset',
      'no rows',
      { rows: 0 },
    ]);
    expect(new SuperstepError('EmptyDataset', 'no rows').details).toEqual({});
  });

  it('takes types of the catalogue only', () => {
    const type: FailureType = 'QueryFailed';
    expect(Object.hasOwn(FAILURE_TYPES, type)).toBe(true);
  });
});
