import { describe, expect, it } from 'vitest';
import { createFields } from '../../../registry/api/fields.ts';

const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ type: 'InvalidInput' });
    return (error as Error).message;
  }
  return 'no error';
};

describe('fields', () => {
  it('finds both spellings and takes null for absent', () => {
    const fields = createFields({ experimentId: '3', run_id: 'r', gone: null });
    expect(fields.text('experiment_id')).toBe('3');
    expect(fields.text('run_id')).toBe('r');
    expect([fields.has('gone'), fields.optionalText('gone'), fields.list('gone')]).toEqual([false, undefined, []]);
    expect(fields.optionalText('toString')).toBeUndefined();
    expect(createFields(JSON.parse('{"__proto__":{"a":"b"}}') as Record<string, unknown>).has('a')).toBe(false);
  });

  it('asks for what is required, empty or not there', () => {
    const fields = createFields({ name: '' });
    expect(message(() => fields.text('name'))).toBe("Missing value for required parameter 'name'.");
    expect(message(() => fields.integer('step'))).toBe("Missing value for required parameter 'step'.");
    expect(fields.optionalText('name')).toBe('');
  });

  it('names the place of a wrong value', () => {
    const [metric] = createFields({ metrics: [{ value: 'abc' }] }).list('metrics');
    expect(message(() => metric?.number('value'))).toMatch(
      /^Invalid value "abc" for parameter 'metrics\[0\]\.value' supplied/,
    );
    expect(message(() => createFields({ tags: ['a', 1] }).texts('tags'))).toContain("'tags[1]'");
    expect(message(() => createFields({ tags: [[]] }).list('tags'))).toContain("'tags[0]'");
    expect(message(() => createFields({ tags: 5 }).list('tags'))).toContain("'tags'");
  });

  it.each([
    [1, 1],
    ['-12', -12],
    ['1700000000000', 1700000000000],
    [1e3, 1000],
  ])('reads %j as the integer %d', (value, expected) => {
    expect(createFields({ n: value }).integer('n')).toBe(expected);
  });

  it.each([1.5, '1.5', 'abc', '0x10', true, [1], {}, '9223372036854775808', Infinity])(
    'refuses the integer %j',
    (value) => {
      expect(message(() => createFields({ n: value }).integer('n'))).toContain('Invalid value');
    },
  );

  it.each([
    [0, 0],
    ['1.5e-3', 0.0015],
    ['.5', 0.5],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
  ])('reads %j as the number %d', (value, expected) => {
    expect(createFields({ n: value }).number('n')).toBe(expected);
  });

  it.each(['abc', '0x10', ' 1', '1e', true, [], 'toString'])('refuses the number %j', (value) => {
    expect(message(() => createFields({ n: value }).number('n'))).toContain('Invalid value');
  });

  it('reads booleans as Python, R and query strings write them', () => {
    const read = (value: unknown) => createFields({ b: value }).boolean('b');
    expect([true, 'TRUE', 'true', 'False', false].map(read)).toEqual([true, true, true, false, false]);
    for (const value of [1, 'yes', []]) expect(message(() => read(value))).toContain('Invalid value');
  });

  it('reads enums by name, and by number from 1', () => {
    const read = (value: unknown) => createFields({ e: value }).oneOf('e', ['RUNNING', 'SCHEDULED', 'FINISHED']);
    expect(['FINISHED', 3, '2', undefined, ''].map(read)).toEqual([
      'FINISHED',
      'FINISHED',
      'SCHEDULED',
      undefined,
      undefined,
    ]);
    for (const value of ['BOGUS', 0, 4, -1, 1.5, 'length', {}]) expect(message(() => read(value))).toContain('RUNNING');
  });

  it('takes integers for ids, a single text for a list, and no NUL', () => {
    const fields = createFields({ id: 7, ids: [1, '2'], one: 'x', nul: 'a\0' });
    expect([fields.id('id'), fields.ids('ids'), fields.texts('one')]).toEqual(['7', ['1', '2'], ['x']]);
    expect(message(() => fields.text('id'))).toContain('expected a text');
    expect(message(() => fields.text('nul'))).toContain('NUL');
  });
});
