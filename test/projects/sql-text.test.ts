import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ambiguousLayers, sqlProblems, tablesNamed } from '../../projects/sql-text.ts';

describe('tablesNamed', () => {
  it.each<[string, string[]]>([
    ['SELECT * FROM silver.flights f JOIN bronze.flights USING (_row)', ['silver.flights', 'bronze.flights']],
    ['SELECT * FROM SILVER . Flights', ['silver.flights']],
    ['SELECT * FROM "silver"."flights"', ['silver.flights']],
    ['SELECT * FROM silver.a, silver.a', ['silver.a']],
    ["SELECT 'silver.a' -- silver.b\n/* silver.c /* silver.d */ silver.e */ FROM gold.f", ['gold.f']],
    ["SELECT E'it\\'s silver.a', $$silver.b$$, $x$ $$ silver.c $x$ FROM gold.d", ['gold.d']],
    ['SELECT my_silver.a, x.silver.b, "a.silver.c" FROM t', []],
  ])('%s', (sql, expected) => {
    expect(tablesNamed(sql).map(({ table }) => table)).toEqual(expected);
  });

  it('says where', () => {
    expect(tablesNamed('SELECT *\n  FROM silver.a')).toEqual([{ table: 'silver.a', line: 2, column: 8 }]);
  });
});

describe('sqlProblems', () => {
  it.each([
    'SELECT 1',
    '-- why; because\nselect 1;\n',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'FROM silver.a SELECT b',
    '(SELECT 1) UNION (SELECT 2)',
    'SELECT \';\', ";" FROM a',
    "SELECT 'it''s'",
    'SELECT "a""b"',
  ])('lets %j pass', (sql) => {
    expect(sqlProblems(sql)).toEqual([]);
  });

  it.each([
    '',
    '/* a',
    "SELECT 'a",
    'SELECT "a""',
    'SELECT $$a',
    'INSERT INTO a VALUES (1)',
    'SELECT 1; DROP TABLE a',
    '1',
  ])('refuses %j', (sql) => {
    expect(sqlProblems(sql)).toHaveLength(1);
  });

  it('takes any text, and places within it', () => {
    const parts = fc.constantFrom(
      "'",
      '"',
      '--',
      '/*',
      '*/',
      '$$',
      '$a$',
      "e'",
      '\\',
      ';',
      '\n',
      ' ',
      'silver.a',
      'select',
      '.',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((all) => all.join('')),
        ),
        (sql) => {
          const lines = sql.split('\n');
          for (const { line, column } of [...sqlProblems(sql), ...tablesNamed(sql)]) {
            expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? -1) + 1);
          }
        },
      ),
    );
  });

  it('reads a megabyte of anything in little time', () => {
    const started = performance.now();
    for (const part of ["'a' ", '/* */', '"a', '$$', 'silver.a;', "''"]) {
      const sql = part.repeat(Math.floor(1_000_000 / part.length));
      sqlProblems(sql);
      tablesNamed(sql);
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('ambiguousLayers', () => {
  it('names a layer that is also an alias or a column', () => {
    expect([...ambiguousLayers('SELECT silver.a FROM silver.b AS silver')]).toEqual(['silver']);
    expect([...ambiguousLayers('SELECT gold FROM silver.b')]).toEqual(['gold']);
    expect([...ambiguousLayers("SELECT 'silver' FROM silver.b, bronze . c -- gold")]).toEqual([]);
  });
});
