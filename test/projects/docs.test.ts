import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { COMPLIANCE_CHECKS, policySchema } from '../../contracts/schemas/policy.ts';
import { bronzeTableSchema, projectSchema, silverTableSchema } from '../../contracts/schemas/project.ts';
import { directionText, POLICY_FIELDS, type PolicyField } from '../../projects/policy-directions.ts';
import { parseYamlDocument } from '../../projects/yaml-document.ts';

function page(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
}

/** Rows of a page's tables whose first cell is a field, as cells. */
function fieldRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => /^\| `[^`]+` *\|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function example(text: string): string {
  return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
}

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly innerType?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
}

/** Dotted paths of all fields that hold a value. */
function fieldsOf(schema: z.core.$ZodType, path: string): string[] {
  const definition = schema._zod.def as unknown as Definition;
  if (definition.shape !== undefined) {
    return Object.entries(definition.shape).flatMap(([key, field]) =>
      fieldsOf(field, path === '' ? key : `${path}.${key}`),
    );
  }
  if (definition.innerType !== undefined) return fieldsOf(definition.innerType, path);
  const { valueType, element } = definition;
  const inner = valueType ?? element;
  const nested = inner !== undefined && 'shape' in inner._zod.def;
  if (!nested) return [path];
  return fieldsOf(inner, valueType === undefined ? `${path}[]` : `${path}.<name>`);
}

const PROJECT_FIELDS = [
  // The shape of a table depends on its prefix, which the schema decides as it parses.
  ...fieldsOf(projectSchema, '').filter((field) => field !== 'tables'),
  ...fieldsOf(bronzeTableSchema, 'tables.bronze.<name>'),
  ...fieldsOf(silverTableSchema, 'tables.silver.<name>'),
];

const code = (text: string): string => `\`${text}\``;

describe('docs/project-file.md', () => {
  const text = page('project-file.md');

  it('lists each field of project.yaml, and no other', () => {
    expect(
      fieldRows(text)
        .map(([field]) => field)
        .sort(),
    ).toEqual(PROJECT_FIELDS.map(code).sort());
  });

  it('says which direction tightens, as the table of directions does', () => {
    const gates = new Map(fieldRows(text).flatMap((cells) => (cells.length === 4 ? [[cells[0], cells[3]]] : [])));
    expect([...gates.keys()].sort()).toEqual(
      PROJECT_FIELDS.filter((field) => field.startsWith('gates.'))
        .map(code)
        .sort(),
    );
    const directions = new Map(
      POLICY_FIELDS.flatMap(({ project, tightens }: PolicyField) =>
        project === undefined ? [] : [[code(project), directionText(tightens)]],
      ),
    );
    for (const [field, direction] of gates)
      expect([field, direction]).toEqual([field, directions.get(field ?? '') ?? 'free']);
  });

  it('shows an example that is a project', () => {
    expect(() => parseYamlDocument(example(text), 'example', projectSchema, 'InvalidProject')).not.toThrow();
  });
});

describe('docs/policies.md', () => {
  const text = page('policies.md');
  const rows = fieldRows(text).filter((cells) => cells.length === 5);

  it('lists each field of a policy, and no other, as the table of directions does', () => {
    const fields = fieldsOf(policySchema, '');
    // A tier repeats the rules.
    const isRule = (field: string): boolean => /^(compliance|comparison|rollback|approval)\./.test(field);
    const others = fields.filter((field) => !isRule(field) && !field.startsWith('tiers.'));
    expect(POLICY_FIELDS.map(({ policy }) => policy).sort()).toEqual(fields.filter(isRule).sort());
    expect(rows.map(([field]) => field).sort()).toEqual(fields.filter(isRule).sort().map(code));
    const otherRows = fieldRows(text).filter((cells) => cells.length === 3);
    expect(otherRows.map(([field]) => field).sort()).toEqual([...others, 'tiers.<name>'].sort().map(code));
  });

  it.each(POLICY_FIELDS.map((field: PolicyField) => [field.policy, field] as const))(
    'says whose field tightens %s, and how',
    (name, { project, tightens }) => {
      const row = rows.find(([field]) => field === code(name));
      expect(row?.slice(3)).toEqual([project === undefined ? '–' : code(project), directionText(tightens)]);
    },
  );

  it('explains each check', () => {
    const checks = fieldRows(text).filter((cells) => cells.length === 2);
    expect(checks.map(([check]) => check)).toEqual(COMPLIANCE_CHECKS.map(code));
  });

  it('shows an example that is a policy', () => {
    expect(() => parseYamlDocument(example(text), 'example', policySchema, 'InvalidPolicy')).not.toThrow();
  });
});
