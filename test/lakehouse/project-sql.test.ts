import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createProjectView,
  describeProjectSql,
  projectColumns,
  projectSql,
  readsOf,
  runProjectSql,
  selectBody,
} from '../../lakehouse/project-sql.ts';

const sqlOf = (text: string): { file: string; text: string } => ({ file: 'silver/f.sql', text });

describe('project SQL', () => {
  let instance: DuckDBInstance;
  let c: DuckDBConnection;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
    c = await instance.connect();
    await c.run('CREATE SCHEMA silver; CREATE TABLE silver.f AS SELECT 1 AS a');
  });
  afterAll(() => {
    c.closeSync();
    instance.closeSync();
  });

  it('tells the tables that a SELECT reads, wherever they stand', async () => {
    const text = `WITH q AS (FROM silver.f)
SELECT *, '; é --' FROM q JOIN Gold."x" USING (a)
WHERE a IN (SELECT a FROM bronze.y); -- ; and a comment`;
    expect(await readsOf(c, sqlOf(text))).toEqual([
      { table: 'silver.f', line: 1 },
      { table: 'gold.x', line: 2 },
      { table: 'bronze.y', line: 3 },
    ]);
  });

  it.each([
    ['DROP TABLE silver.f', /another kind of statement/],
    ['SELECT 1; SELECT 2', /found 2 statements/],
    ['-- nothing', /found 0 statements/],
    ['SELECT 1\nFROM lake.silver.f', /line 2.*past what was known/],
    ['SELECT 1\nFROM lake.f', /line 2.*past what was known/],
    ['SELECT\n a b c\nFROM x', /silver\/f\.sql, line 2: "a b c": syntax error/],
  ])('refuses %j', async (text, message) => {
    await expect(readsOf(c, sqlOf(text))).rejects.toMatchObject({
      type: 'QueryFailed',
      message: expect.stringMatching(message) as string,
    });
  });

  it('names file and line of a column that is not there, and of a value that does not convert', async () => {
    const unknown = sqlOf('SELECT a,\n  nope\nFROM silver.f;');
    await expect(describeProjectSql(c, unknown, [], 'silver.g')).rejects.toMatchObject({
      type: 'QueryFailed',
      details: { file: 'silver/f.sql', line: 2 },
      message: expect.stringMatching(/line 2: "nope": Binder Error.*"nope" not found/s) as string,
    });
    const wrong = sqlOf("SELECT a,\n\n  CAST('x' || a AS INTEGER) AS n\nFROM silver.f; -- done");
    await expect(
      runProjectSql(wrong, () => c.run(`SELECT * FROM (${selectBody(wrong.text)}\n)`)),
    ).rejects.toMatchObject({ type: 'QueryFailed', details: { line: 3 } });
  });

  it('blames no line of the file for an error in a view below', async () => {
    await c.run("CREATE OR REPLACE VIEW silver.below AS SELECT 1 AS a,\n\n CAST('y' || 1 AS INTEGER) AS n");
    const sql = sqlOf('SELECT *\n\nFROM silver.below');
    const failure: unknown = await runProjectSql(sql, () => c.run(sql.text)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'QueryFailed' });
    expect((failure as { details: object }).details).not.toHaveProperty('line');
  });

  it('wants the columns that are needed, and says who needs them and what there is', async () => {
    await expect(
      describeProjectSql(c, sqlOf('SELECT a AS b FROM silver.f'), ['A', 'b'], 'silver.g'),
    ).rejects.toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(/silver\/f\.sql gives no column "A", which silver\.g needs; it gives b/) as string,
    });
    expect(await createProjectView(c, 'silver.v', sqlOf('SELECT a AS b FROM silver.f;'), ['B'], 'silver.v')).toEqual([
      { name: 'b', type: 'INTEGER' },
    ]);
  });

  it('takes texts from the pinned files only', async () => {
    const bundle = { files: { 'a.sql': 'SELECT a FROM silver.f; -- end' } };
    expect(await projectColumns(c, bundle, 'a.sql')).toEqual([{ name: 'a', type: 'INTEGER' }]);
    expect((await c.runAndReadAll(`SELECT * FROM (${projectSql(bundle, 'a.sql')}) AS t`)).getRows()).toEqual([[1]]);
    await expect(projectColumns(c, bundle, 'b.sql')).rejects.toMatchObject({ type: 'InvalidProject' });
  });
});
