import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cron, instant, kebabName, relativePath, snakeName } from '../../../contracts/schemas/primitives.ts';

describe('cron', () => {
  it.each([
    '0 3 * * *',
    '*/15 * * * *',
    '0 0 1,15 * *',
    '30 4 * * 1-5',
    '0 5 * JAN-MAR mon',
    '0 0 * * 7',
    '5-55/10 * * * *',
  ])('takes %j', (text) => {
    expect(cron.safeParse(text).success).toBe(true);
  });

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '@daily',
    'mon * * * *',
    '*/0 * * * *',
    '1- * * * *',
  ])('refuses %j', (text) => {
    expect(cron.safeParse(text).success).toBe(false);
  });
});

describe('instant', () => {
  it('reads instants in UTC into one form', () => {
    expect(instant.parse('2001-05-01T00:00:00Z')).toBe('2001-05-01T00:00:00.000Z');
    expect(instant.parse('2001-05-01T00:00Z')).toBe('2001-05-01T00:00:00.000Z');
  });

  it.each([
    '2001-05-01',
    '2001-05-01T00:00:00',
    '2001-05-01T00:00:00+01:00',
    '2001-13-01T00:00:00Z',
    '2001-02-30T00:00:00Z',
    '2001-05-01T24:01:00Z',
    'now',
  ])('refuses %j', (text) => {
    expect(instant.safeParse(text).success).toBe(false);
  });
});

describe('names and paths', () => {
  it.each(['flights-delay', 'a', 'a1-2b'])('%j is a project', (name) =>
    expect(kebabName.safeParse(name).success).toBe(true),
  );
  it.each(['', '-a', 'a-', 'a--b', 'A', 'a_b', '1a', 'a/b', '..', 'a\n', 'x'.repeat(61)])('%j is none', (name) =>
    expect(kebabName.safeParse(name).success).toBe(false),
  );
  it.each(['late_rate_7d', '_file', 'a'])('%j is a column', (name) =>
    expect(snakeName.safeParse(name).success).toBe(true),
  );
  it.each(['', '_', '__a', 'A', 'a-b', '7d', 'a b', 'a;'])('%j is none', (name) =>
    expect(snakeName.safeParse(name).success).toBe(false),
  );

  it('never lets a path out of its folder', () => {
    const parts = fc
      .array(fc.constantFrom('..', '.', 'a', '/', '\\', '\0', ''), { maxLength: 6 })
      .map((all) => all.join('/'));
    fc.assert(
      fc.property(parts, (path) => {
        const taken = relativePath.safeParse(path).success;
        if (taken) expect(new URL(path, 'file:///projects/one/').pathname.startsWith('/projects/one/')).toBe(true);
      }),
    );
    expect(relativePath.safeParse('silver/flights.sql').success).toBe(true);
  });
});
