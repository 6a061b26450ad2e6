import type { ProjectDefinition } from '../contracts/schemas/project.ts';
import { didYouMeanHint } from './did-you-mean.ts';
import { oneOf, shown, type Mistake } from './mistakes.ts';
import { silverTables } from './project-files.ts';
import type { YamlDocument } from './yaml-document.ts';

/** Superstep keeps `gold.<project>_<kind>` itself; a feature view becomes `gold.<view>` and may not take such a name. */
const RESERVED_GOLD_TABLE = /_(predictions|profile_metrics|drift_metrics|comparison_metrics)$/;

type Check = (document: YamlDocument<ProjectDefinition>) => Mistake[];

const sourcesAndBronze: Check = ({ value, mistakeAt }) => {
  const mistakes: Mistake[] = [];
  const sources = Object.keys(value.sources);
  if (sources.length === 0) mistakes.push(mistakeAt(['sources'], 'no source', 'at least one', 'key'));
  const used = new Set<string>();
  for (const [name, table] of Object.entries(value.tables)) {
    if (!('source' in table)) continue;
    used.add(table.source);
    if (sources.includes(table.source)) continue;
    const expected = `a declared source: ${oneOf(sources)}${didYouMeanHint(table.source, sources)}`;
    mistakes.push(mistakeAt(['tables', name, 'source'], shown(table.source), expected));
  }
  for (const [name, source] of Object.entries(value.sources)) {
    if (!used.has(name)) mistakes.push(mistakeAt(['sources', name], 'a source of no table', unusedSource(name), 'key'));
    if (Object.hasOwn(source.known_later, source.event_time)) {
      const found = `the event time ${shown(source.event_time)} as known later`;
      const path = ['sources', name, 'known_later', source.event_time];
      mistakes.push(mistakeAt(path, found, 'other columns: the event time is known with the row', 'key'));
    }
  }
  return mistakes;
};

function unusedSource(name: string): string {
  return `a table "bronze.${name}: { source: ${name} }" under tables, or the source removed`;
}

/** The places in a list where a value stands that stood there before. */
function repeated(values: readonly string[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

const listsWithoutRepeats: Check = ({ value, mistakeAt }) => {
  const lists: [path: PropertyKey[], values: readonly string[]][] = [
    ...silverTables(value).map(([name, t]): [PropertyKey[], readonly string[]] => [
      ['tables', name, 'key'],
      t.key ?? [],
    ]),
    ...Object.entries(value.feature_views).map(([name, view]): [PropertyKey[], readonly string[]] => [
      ['feature_views', name, 'entity'],
      view.entity,
    ]),
    [['training', 'key'], value.training.key],
    [['training', 'features'], value.training.features],
    [['gates', 'compliance', 'tags'], value.gates.compliance.tags],
  ];
  return lists.flatMap(([path, values]) =>
    repeated(values).map((index) => mistakeAt([...path, index], `${shown(values[index])} again`, 'each entry once')),
  );
};

const expectationNames: Check = ({ value, mistakeAt }) =>
  silverTables(value).flatMap(([name, { expectations }]) =>
    repeated(expectations.map((expectation) => expectation.name)).map((index) =>
      mistakeAt(
        ['tables', name, 'expectations', index, 'name'],
        `${shown(expectations[index]?.name)} again`,
        'a name of its own for each expectation of a table',
      ),
    ),
  );

const quarantines: Check = ({ value, mistakeAt }) =>
  silverTables(value).flatMap(([name, { expectations }]) => {
    const quarantine = `${name}_quarantine`;
    if (!expectations.some(({ on_violation }) => on_violation === 'quarantine')) return [];
    if (!Object.hasOwn(value.tables, quarantine)) return [];
    const found = `the name of the table that keeps what ${name} quarantines`;
    return [mistakeAt(['tables', quarantine], found, 'another name', 'key')];
  });

const featureViews: Check = ({ value, mistakeAt }) =>
  Object.entries(value.feature_views).flatMap(([name, view]) => {
    const mistakes: Mistake[] = [];
    if (RESERVED_GOLD_TABLE.test(name)) {
      const found = `a name such as Superstep gives to its own tables (gold.${name})`;
      mistakes.push(mistakeAt(['feature_views', name], found, 'another name', 'key'));
    }
    for (const [index, column] of view.entity.entries()) {
      if (column !== view.event_time && column !== view.known_at) continue;
      const expected = 'columns that say whom a row is about, not when';
      mistakes.push(mistakeAt(['feature_views', name, 'entity', index], shown(column), expected));
    }
    return mistakes;
  });

const features: Check = ({ value, mistakeAt }) => {
  const views = Object.keys(value.feature_views);
  const { training } = value;
  return training.features.flatMap((feature, index) => {
    const path = ['training', 'features', index];
    const [view, column] = feature.split('.');
    if (view === undefined || column === undefined) {
      if (feature === training.label)
        return [mistakeAt(path, 'the label itself', 'what is known when the row is scored')];
      const isKey = training.key.includes(feature);
      return isKey ? [mistakeAt(path, `the key column ${shown(feature)}`, 'a column that a model can learn from')] : [];
    }
    const declared = Object.hasOwn(value.feature_views, view) ? value.feature_views[view] : undefined;
    if (declared === undefined) {
      return [
        mistakeAt(path, shown(feature), `a declared feature view: ${oneOf(views)}${didYouMeanHint(view, views)}`),
      ];
    }
    const taken = [...declared.entity, declared.event_time, declared.known_at].includes(column);
    return taken
      ? [mistakeAt(path, shown(feature), `a feature of ${view}, not its entity, event_time or known_at column`)]
      : [];
  });
};

const training: Check = ({ value, mistakeAt }) =>
  value.training.key.includes(value.training.label)
    ? [mistakeAt(['training', 'label'], `${shown(value.training.label)}, a column of the key`, 'another column')]
    : [];

const CHECKS: readonly Check[] = [
  sourcesAndBronze,
  listsWithoutRepeats,
  expectationNames,
  quarantines,
  featureViews,
  features,
  training,
];

/** What the parts of project.yaml have against each other, as far as it can be told without the SQL and the data. */
export function definitionMistakes(document: YamlDocument<ProjectDefinition>): Mistake[] {
  return CHECKS.flatMap((check) => check(document));
}
