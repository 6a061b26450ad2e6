import fc from 'fast-check';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { policySchema } from '../../contracts/schemas/policy.ts';
import { projectSchema } from '../../contracts/schemas/project.ts';
import { parseYamlDocument } from '../../projects/yaml-document.ts';
import { failureOf, PROJECT_YAML } from './project-folder.ts';

const shape = z.strictObject({
  name: z.string().min(2),
  count: z.int().min(1).max(9).default(3),
  kind: z.enum(['parquet', 'csv']).default('csv'),
  inner: z.strictObject({ deep: z.array(z.strictObject({ on: z.boolean() })) }).optional(),
});

async function messagesOf(text: string): Promise<string[]> {
  const failure = await failureOf(() => parseYamlDocument(text, 'p.yaml', shape, 'InvalidProject'));
  expect(failure.type).toBe('InvalidProject');
  return failure.message.split('\n');
}

describe('parseYamlDocument', () => {
  it('gives the value with defaults, whatever the line ends', () => {
    expect(parseYamlDocument('name: ab\r\ncount: 4\r\n', 'p.yaml', shape, 'InvalidProject').value).toEqual({
      name: 'ab',
      count: 4,
      kind: 'csv',
    });
  });

  it('lists every mistake in the order of the file, with line and column', async () => {
    const text =
      'nmae: x\ncount: 12\nkind: parqet\ninner:\n  deep:\n    - on: yes please\n    - { on: true, off: 1 }\n';
    expect(await messagesOf(text)).toEqual([
      'p.yaml:1:1: name: found nothing; expected a text',
      'p.yaml:1:1: nmae: found an unknown field; expected one of name, count, kind, inner; did you mean "name"?',
      'p.yaml:2:8: count: found 12; expected at most 9',
      'p.yaml:3:7: kind: found "parqet"; expected "parquet" or "csv"; did you mean "parquet"?',
      'p.yaml:6:11: inner.deep[0].on: found "yes please"; expected true or false',
      'p.yaml:7:19: inner.deep[1].off: found an unknown field; expected one of on',
    ]);
  });

  it('carries the mistakes for programs too', async () => {
    const failure = await failureOf(() => parseYamlDocument('name: 7', 'p.yaml', shape, 'InvalidPolicy'));
    expect(failure.type).toBe('InvalidPolicy');
    expect(failure.details).toEqual({
      count: 1,
      mistakes: [{ file: 'p.yaml', line: 1, column: 7, path: 'name', found: '7', expected: 'a text' }],
    });
  });

  it.each([
    ['', 'p.yaml:1:1: found an empty file; expected a mapping of fields'],
    ['# nothing\n', 'p.yaml:1:1: found an empty file; expected a mapping of fields'],
    ['- a\n', 'p.yaml:1:1: found a list; expected a mapping with the fields name, count, kind, inner'],
    ['name:\n', 'p.yaml:1:1: name: found nothing; expected a text'],
    ['name: ab\nname: cd\n', 'p.yaml:2:1: found a second "name"; expected each field once'],
    ['name: ab\ninner:\n\tdeep: []\n', 'p.yaml:3:1: found a tab in the indentation; expected spaces'],
    [
      'name: ab\n---\nname: cd\n',
      'p.yaml:2:1: found a second YAML document ("---"); expected one document in the file',
    ],
    ['name: "ab\n', 'found broken YAML: Missing closing "quote; expected YAML 1.2'],
    ['name: [ab\ncount: 3\n', 'found broken YAML'],
    ['name: !!python/object ab\n', 'p.yaml:1:7: found broken YAML: Unresolved tag'],
    ['name: *missing\n', 'p.yaml:1:7: found *missing without its anchor; expected the anchor before it'],
    ['? [a, b]\n: 1\n', 'found a field name that is not a plain text; expected a name'],
    ['name: ab\ncount: .nan\n', 'p.yaml:2:8: count: found .nan; expected a number'],
    ['name: ab\n<<: { count: 3 }\n', '<<: found an unknown field'],
    ['name: ab\n__proto__: { count: 3 }\n', '__proto__: found an unknown field'],
  ])('answers %j', async (text, expected) => {
    expect((await messagesOf(text)).join('\n')).toContain(expected);
  });

  it('refuses aliases that multiply, without building what they stand for', async () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}, *a${i}]`);
    const started = performance.now();
    const messages = await messagesOf(`a0: &a0 [x]\n${levels.join('\n')}\n`);
    expect(messages[0]).toContain('aliases that cannot be followed');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('follows an alias to where the mistake is used, and survives one that holds itself', async () => {
    expect((await messagesOf('name: &n 7\ncount: *n\ninner: 3\n'))[0]).toBe(
      'p.yaml:1:10: name: found 7; expected a text',
    );
    expect(await messagesOf('name: &n [*n]\n')).toEqual(['p.yaml:1:10: name: found a list; expected a text']);
  });

  it.each(['[', '{a: ', '- '])('refuses %j without end', async (opening) => {
    const messages = await messagesOf(opening.repeat(20_000));
    expect(messages.join('\n')).toMatch(/nested too deeply|broken YAML/);
  });

  it('counts what it does not list, so that a failure stays small', async () => {
    const text = Array.from({ length: 5_000 }, (_, i) => `unknown_${i}: ${'x'.repeat(50)}`).join('\n');
    const failure = await failureOf(() => parseYamlDocument(text, 'p.yaml', shape, 'InvalidProject'));
    expect(failure.message.split('\n').at(-1)).toMatch(/^and 49\d\d more$/);
    expect(failure.message.length).toBeLessThan(4_000);
    expect(failure.details['count']).toBe(5_001);
  });

  it('never throws anything but a SuperstepError on arbitrary texts and values', () => {
    const parse = (text: string): void => {
      for (const schema of [shape, projectSchema, policySchema]) {
        try {
          parseYamlDocument<unknown>(text, 'p.yaml', schema, 'InvalidProject');
        } catch (error) {
          if (!(error instanceof SuperstepError)) throw error;
          expect(error.message).toMatch(/^p\.yaml:[1-9]\d*:[1-9]\d*: /);
        }
      }
    };
    const yamlish = fc
      .array(
        fc.constantFrom(
          ':',
          '- ',
          '\n',
          '  ',
          '&a ',
          '*a',
          '{',
          '}',
          '[',
          ']',
          '"',
          "'",
          '|',
          '>',
          '#',
          '!t ',
          '%',
          'k',
          '---',
          '\t',
          '? ',
          '<<',
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(''));
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), yamlish), parse), { numRuns: 300 });
    fc.assert(fc.property(fc.json(), parse), { numRuns: 100 });
  });

  it('never throws anything but a SuperstepError on a project with one value replaced', () => {
    const fields = ['project', 'sources', 'tables', 'feature_views', 'training', 'gates', 'monitor', 'schedules'];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 3 }), (field, value) => {
        const text = `${PROJECT_YAML.replace(new RegExp(`^${field}:`, 'm'), `x_${field}:`)}\n${stringify({ [field]: value })}`;
        expect(() => parseYamlDocument(text, 'p.yaml', projectSchema, 'InvalidProject')).toThrow(SuperstepError);
      }),
      { numRuns: 100 },
    );
  });
});
