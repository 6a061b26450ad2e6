import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchContext } from './bench/context.ts';
import { benchEndpoint } from './bench/endpoint-bench.ts';
import type { Figure } from './bench/figures.ts';
import { benchGates } from './bench/gates-bench.ts';
import { benchRefresh } from './bench/lake-bench.ts';
import { currentCommit, describeMachine } from './bench/machine.ts';
import { prepare, type Prepared } from './bench/prepared.ts';
import { benchRegistry } from './bench/registry-bench.ts';
import { type BenchReport, type FailedBench, renderReport } from './bench/report.ts';
import { benchScoring } from './bench/scoring-bench.ts';
import { benchDemo, benchStartUp } from './bench/stack-bench.ts';
import { benchAuc, benchTraining } from './bench/training-bench.ts';
import { benchWorkflows } from './bench/workflow-bench.ts';
import { messageForPerson, printableError, runMain } from './message-for-person.ts';
import { ensureNativeParts } from './setup/native-parts.ts';
import { reportToStderr } from './setup/report.ts';
import { defaultHome } from './stack/stack-home.ts';

type Bench = (context: BenchContext, prepared: Prepared) => Promise<Figure[]>;

/** In this order, so that what is heavy comes before what wants a calm machine. */
const BENCHES: Readonly<Record<string, Bench>> = {
  refresh: benchRefresh,
  training: benchTraining,
  auc: benchAuc,
  scoring: benchScoring,
  endpoint: benchEndpoint,
  workflows: benchWorkflows,
  'start-up': benchStartUp,
};
const DEMO = 'demo';
/** Only where they are asked for by name. */
const ON_DEMAND: Readonly<Record<string, Bench>> = { gates: benchGates, registry: benchRegistry, [DEMO]: benchDemo };

const HELP = `npm run bench: measures Superstep on this machine and says how far each figure is from a known limit. About ten
minutes on two cores. A report, no test: a missed target does not fail it. Run it on a machine that does nothing else.

  npm run bench -- <name> …      only these (--only <name> says the same): ${Object.keys(BENCHES).join(', ')};
                                 and, only by name, ${Object.keys(ON_DEMAND).join(', ')}
  npm run bench -- --with-demo   the demo as well (ten minutes more)
  npm run bench -- gates --full  10,000 gates instead of 2,000
  npm run bench -- registry      about ten minutes; --quick: small, to try the bench itself

The table goes to stdout, all samples as JSON to <home>/bench/<date>.json (home: SUPERSTEP_HOME, default .superstep).
`;

async function bench(args: readonly string[]): Promise<number> {
  const chosen = chooseBenches(args);
  if (typeof chosen === 'string') {
    (chosen === HELP ? process.stdout : process.stderr).write(chosen);
    return chosen === HELP ? 0 : 2;
  }
  const results = join(defaultHome(process.env), 'bench');
  const folder = join(results, `work-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  const abort = new AbortController();
  const stop = (): void => abort.abort(messageForPerson('stopped; nothing was kept'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const report = await measure(chosen, { folder, signal: abort.signal });
    const file = join(results, `${report.startedAt.replaceAll(':', '-')}.json`);
    await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`${renderReport(report)}\nAll samples: ${file}\n`);
    return report.failures.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What to run. */
interface Chosen {
  readonly names: readonly string[];
  readonly full: boolean;
  readonly quick: boolean;
}

/** Benches to run, or what to tell the person instead. */
function chooseBenches(args: readonly string[]): Chosen | string {
  const options = {
    help: { type: 'boolean', short: 'h' },
    only: { type: 'string', multiple: true },
    'with-demo': { type: 'boolean' },
    full: { type: 'boolean' },
    quick: { type: 'boolean' },
  } as const;
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    return `${(error as Error).message}\n\n${HELP}`;
  }
  const { values, positionals } = parsed;
  if (values.help === true) return HELP;
  const known = [...Object.keys(BENCHES), ...Object.keys(ON_DEMAND)];
  const wanted = [...positionals, ...(values.only ?? [])];
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) return `${unknown.join(', ')}: expected ${known.join(', ')}\n\n${HELP}`;
  const chosen = wanted.length > 0 ? wanted : Object.keys(BENCHES);
  const names = known.filter((name) => chosen.includes(name) || (name === DEMO && values['with-demo'] === true));
  return { names, full: values.full === true, quick: values.quick === true };
}

async function measure(
  { names, full, quick }: Chosen,
  { folder, signal }: Pick<BenchContext, 'folder' | 'signal'>,
): Promise<BenchReport> {
  const machine = describeMachine();
  const started = new Date();
  const parts = await ensureNativeParts(reportToStderr);
  const context: BenchContext = { folder, parts, report: reportToStderr, signal, full, quick };
  const prepared = prepare(context);
  const figures: Figure[] = [];
  const failures: FailedBench[] = [];
  for (const name of names) {
    reportToStderr(`--- ${name}`);
    try {
      figures.push(...((await (BENCHES[name] ?? ON_DEMAND[name])?.(context, prepared)) ?? []));
    } catch (error) {
      signal.throwIfAborted();
      failures.push({ bench: name, error: printableError(error) });
      reportToStderr(printableError(error));
    }
  }
  const seconds = (Date.now() - started.getTime()) / 1000;
  return { schema: 1, startedAt: started.toISOString(), seconds, commit: currentCommit(), machine, figures, failures };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(() => bench(process.argv.slice(2)));
