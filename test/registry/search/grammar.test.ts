import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileExperimentSearch,
  compileLoggedModelSearch,
  compileModelVersionSearch,
  compileRegisteredModelSearch,
  compileRunSearch,
} from '../../../registry/search/compile-search.ts';
import { parseFilter, parseOrderBy } from '../../../registry/search/filter-grammar.ts';

const REFUSED = expect.objectContaining({ type: 'InvalidInput' }) as Error;

describe('the filter grammar', () => {
  it('reads names, operators and values as MLflow writes them', () => {
    const filter =
      "metrics.b >= 1 and params.`val/acc` = '1' AND tags.\"x y\" LIKE 'q%' and status != \"it's\" And m.n.o<-1.5e-3 AND run_id not in ('a', \"b\")";
    expect(parseFilter(filter)).toEqual([
      { left: { entity: 'metrics', key: 'b' }, operator: '>=', value: 1 },
      { left: { entity: 'params', key: 'val/acc' }, operator: '=', value: '1' },
      { left: { entity: 'tags', key: 'x y' }, operator: 'LIKE', value: 'q%' },
      { left: { entity: null, key: 'status' }, operator: '!=', value: "it's" },
      { left: { entity: 'm', key: 'n.o' }, operator: '<', value: -0.0015 },
      { left: { entity: null, key: 'run_id' }, operator: 'NOT IN', value: ['a', 'b'] },
    ]);
    expect(parseFilter('tags.`a.b` IS NULL and params.c is not null')).toEqual([
      { left: { entity: 'tags', key: 'a.b' }, operator: 'IS NULL', value: '' },
      { left: { entity: 'params', key: 'c' }, operator: 'IS NOT NULL', value: '' },
    ]);
    expect(parseFilter(' \n')).toEqual([]);
    expect(parseFilter("`Run name`='a''b'")).toEqual([
      { left: { entity: null, key: 'Run name' }, operator: '=', value: "a'b" },
    ]);
  });

  it.each([
    'metrics.b = 1 OR metrics.b = 2',
    'NOT metrics.b = 1',
    '(metrics.b = 1)',
    'metrics.b = 1 AND',
    'AND metrics.b = 1',
    'metrics.b = 1 metrics.b = 2',
    'metrics.b = 1;',
    'metrics.b = 1 -- rest',
    'metrics.val/acc = 1',
    'metrics.b == 1',
    'metrics.b <> 1',
    'metrics.b =',
    'tags.b IS',
    "tags.b IS 'null'",
    'metrics.b IS NULL AND',
    'metrics.b',
    "'b' = 1",
    '1 = metrics.b',
    'metrics.b = metrics.c',
    'metrics.b = NaN',
    'metrics.b = `1`',
    "name = 'a",
    'name = "a',
    "`name = 'a'",
    'run_id IN ()',
    "run_id IN ('a'",
    "run_id IN ('a',)",
    "run_id IN ('a' 'b')",
    'run_id IN (1)',
    "run_id NOT LIKE 'a'",
    "name = 'a\0'",
  ])('refuses %j', (filter) => {
    expect(() => parseFilter(filter)).toThrow(REFUSED);
  });

  it('reads orders', () => {
    expect(parseOrderBy(['metrics.`b` DESC', 'attribute.start_time asc', 'name', '"Run name" desc'])).toEqual([
      { entity: 'metrics', key: 'b', descending: true },
      { entity: 'attribute', key: 'start_time', descending: false },
      { entity: null, key: 'name', descending: false },
      { entity: null, key: 'Run name', descending: true },
    ]);
    for (const order of ['', 'name DOWN', 'name DESC DESC', 'name DESC, run_id', '1', "'name'", 'a; drop table runs'])
      expect(() => parseOrderBy([order])).toThrow(REFUSED);
  });
});

describe('what each table knows', () => {
  it.each([
    [compileRunSearch, 'params.p = 1'],
    [compileRunSearch, "metrics.b = '1'"],
    [compileRunSearch, "metrics.b LIKE '1'"],
    [compileRunSearch, 'tags.t > 1'],
    [compileRunSearch, "tags.t < 'a'"],
    [compileRunSearch, "start_time = '1'"],
    [compileRunSearch, "status IN ('FINISHED')"],
    [compileRunSearch, "params.p IN ('1')"],
    [compileRunSearch, "foo = 'a'"],
    [compileRunSearch, "constructor = 'a'"],
    [compileRunSearch, "dataset.constructor = 'a'"],
    [compileRunSearch, "dataset.source = 'a'"],
    [compileRunSearch, "bogus.p = '1'"],
    [compileRunSearch, "tags. = '1'"],
    [compileRunSearch, `run_name LIKE '${'%a'.repeat(501)}'`],
    [compileExperimentSearch, "foo = 'e1'"],
    [compileExperimentSearch, "experiment_id = '1'"],
    [compileExperimentSearch, 'metrics.a = 1'],
    [compileExperimentSearch, "params.a = '1'"],
    [compileRegisteredModelSearch, "description='x'"],
    [compileRegisteredModelSearch, "dataset.name = 'x'"],
    [compileModelVersionSearch, "current_stage='None'"],
    [compileModelVersionSearch, "version_number = '1'"],
    [compileModelVersionSearch, "source_path IN ('a')"],
    [compileLoggedModelSearch, "bogus.p = '1'"],
  ])('%o refuses %j', (compile, filter) => {
    expect(() => compile({ filter })).toThrow(REFUSED);
  });

  it.each([
    [compileRunSearch, ['foo DESC']],
    [compileRunSearch, ['start_time', 'created DESC']],
    [compileRunSearch, ['metrics.a', 'metric.`a` DESC']],
    [compileRunSearch, ['dataset.name']],
    [compileExperimentSearch, ['tags.a']],
    [compileRegisteredModelSearch, ['creation_timestamp DESC']],
    [compileRegisteredModelSearch, ['timestamp', 'last_updated_timestamp']],
    [compileModelVersionSearch, ['run_id']],
  ])('%o refuses the order %j', (compile, orderBy) => {
    expect(() => compile({ orderBy })).toThrow(REFUSED);
  });

  // From recorded pairs of requests and answers of MLflow 3.11.
  it.each([
    [200, () => compileExperimentSearch({ filter: "name = 'e1'" })],
    [400, () => compileExperimentSearch({ filter: "foo = 'e1'" })],
    [
      200,
      () =>
        compileRunSearch({
          filter:
            "metrics.b >= 1 and params.p = '1' AND tags.bt LIKE 'q%' and attributes.run_name = 'rn2' and status = 'FINISHED' and start_time > 5",
        }),
    ],
    [400, () => compileRunSearch({ filter: 'params.p = 1' })],
    [400, () => compileRunSearch({ filter: "metrics.b = '1'" })],
    [400, () => compileRunSearch({ filter: 'metrics.b = 1 OR metrics.b = 2' })],
    [200, () => compileRunSearch({ filter: "run_id IN ('${id1}')" })],
    [200, () => compileRunSearch({ orderBy: ['metrics.`b` DESC', 'attribute.start_time ASC'] })],
    [400, () => compileRunSearch({ orderBy: ['foo DESC'] })],
    [200, () => compileModelVersionSearch({ filter: "name='m1'" })],
    [200, () => compileModelVersionSearch({ filter: "run_id IN ('${id1}')" })],
    [400, () => compileModelVersionSearch({ filter: "current_stage='None'" })],
    [200, () => compileModelVersionSearch({ filter: "tags.k='v' and source_path like 's3%'" })],
    [200, () => compileRegisteredModelSearch({ filter: "name LIKE 'm%'", orderBy: ['name DESC'] })],
    [400, () => compileRegisteredModelSearch({ orderBy: ['creation_timestamp DESC'] })],
    [400, () => compileRegisteredModelSearch({ filter: "description='x'" })],
    [
      200,
      () =>
        compileLoggedModelSearch({
          filter: "params.p = '1' AND metrics.acc > 0.1",
          orderBy: [{ fieldName: 'metrics.acc', ascending: false }],
        }),
    ],
    [400, () => compileLoggedModelSearch({ filter: "bogus.p = '1'" })],
  ])('MLflow answered %i to %o', (status, search) => {
    if (status === 200) expect(search).not.toThrow();
    else expect(search).toThrow(REFUSED);
  });
});

describe('hostile input', () => {
  const LONG = 100_000;
  it.each([
    ['too long', 'a'.repeat(LONG + 1)],
    ['a single long word', 'a'.repeat(LONG)],
    ['quotes in quotes', `'"\``.repeat(LONG / 3)],
    ['a doubled quote without an end', `name = '${"''".repeat(LONG / 2 - 10)}`],
    ['parentheses', '('.repeat(LONG)],
    ['blanks', `${' '.repeat(LONG - 1)}!`],
    ['digits', '1'.repeat(LONG)],
    ['almost numbers', '1e'.repeat(LONG / 2)],
    ['dots', '.'.repeat(LONG)],
    ['backslashes', '\\'.repeat(LONG)],
    ['thousands of clauses', Array.from({ length: 5000 }, () => 'metrics.a > 1').join(' AND ')],
    ['thousands of listed ids', `run_id IN (${Array.from({ length: 5000 }, () => "'a'").join(',')})`],
  ])('%s is refused', (_, filter) => {
    expect(() => compileRunSearch({ filter })).toThrow(REFUSED);
  });

  it('any text at all is read or refused, and a refusal is no longer than a page', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "'",
        '"',
        '`',
        '.',
        '(',
        ')',
        ',',
        '=',
        '!=',
        ' AND ',
        ' IN ',
        ' NOT ',
        'LIKE ',
        'metrics.',
        'tags',
        '1',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        (text) => {
          for (const input of [{ filter: text }, { orderBy: [text] }])
            try {
              compileRunSearch(input);
            } catch (error) {
              expect(error).toEqual(REFUSED);
              expect((error as Error).message.length).toBeLessThan(1000);
            }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
