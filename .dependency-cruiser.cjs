/** Who may import whom: docs/architecture.md has the table in words. Type-only imports are free where it says so. */
const rooms = [
  'contracts',
  'workflows',
  'activities',
  'workers',
  'projects',
  'lakehouse',
  'learning',
  'registry',
  'serving',
  'monitoring',
  'console',
  'scripts',
  'test',
];

/** A room may import, of ours, only itself and these paths. */
function room(name, allowed, options = {}) {
  const others = rooms.filter((r) => r !== name).join('|');
  return {
    name: `${name}-imports`,
    severity: 'error',
    comment: `${name}/ may import ${[name, ...allowed].join(', ')}`,
    from: { path: `^${name}/` },
    to: {
      path: `^(${others})/`,
      pathNot: allowed.map((p) => `^${p}`),
      ...(options.typesAreFree ? { dependencyTypesNot: ['type-only'] } : {}),
    },
  };
}

const statistics = 'learning/(statistics|score-histogram|day-jackknife|evaluation)[^/]*\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.config\\.', '^test/', '^\\.dependency', '^scripts/'] },
      to: {},
    },
    room('contracts', []),
    {
      name: 'workflows-imports',
      severity: 'error',
      comment: 'workflows/ may import contracts (not its schemas, not child-process) and, types only, activities',
      from: { path: '^workflows/' },
      to: {
        path: `^(${rooms.filter((r) => r !== 'workflows').join('|')})/`,
        pathNot: '^contracts/[^/]+\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflows-stay-out-of-processes',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^contracts/(schemas/|child-process)' },
    },
    room('learning', ['contracts/']),
    room('lakehouse', ['contracts/', statistics]),
    room('registry', ['contracts/', statistics]),
    room('monitoring', ['contracts/', statistics]),
    room('projects', ['contracts/', statistics]),
    room('console', ['contracts/', statistics]),
    room('serving', ['contracts/', 'lakehouse/online', 'registry/']),
    room('activities', [
      'contracts/',
      'projects/',
      'lakehouse/',
      'learning/',
      'registry/',
      'serving/onnx-metadata',
      'monitoring/',
      'console/',
    ]),
    {
      name: 'only-the-predictor-runs-onnx',
      severity: 'error',
      from: { pathNot: '^serving/predictor\\.ts$|^test/' },
      to: { path: 'onnxruntime-node' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.superstep)' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
