import { Client } from '@temporalio/client';
import { workflowStanding } from '../activities/workflow-histories.ts';
import { reportProduction, type ProductionReport } from '../registry/audit/production-report.ts';
import { reconcileRegistry } from '../registry/audit/reconciliation/reconcile-registry.ts';
import type { Finding } from '../registry/audit/reconciliation/rules.ts';
import { openEnvironment, type OpenEnvironment } from './audit/open-environment.ts';
import { connectToServer } from './dev-server/connect-to-server.ts';
import { choosePorts, HOST } from './dev-server/ports.ts';
import { readDevConfig } from './dev-server/read-dev-config.ts';
import { runMain } from './message-for-person.ts';
import { parseRegistryArguments, REGISTRY_HELP, type RegistryCommand } from './registry/arguments.ts';
import { askToRollBack } from './registry/roll-back.ts';

/** `npm run registry -- reconcile|production|roll-back`: 0 all fits, 1 it does not, 2 it could not be found out or done. */
await runMain(main, 2);

async function main(): Promise<number> {
  const command = parseRegistryArguments(process.argv.slice(2));
  if (command === undefined) {
    process.stdout.write(REGISTRY_HELP);
    return 0;
  }
  if (command.command === 'roll-back') {
    print(await askToRollBack(command, process.env));
    return 0;
  }
  const open = await openEnvironment(command.environment, process.env);
  try {
    return await (command.command === 'reconcile' ? reconcile(open, command.json) : production(open, command));
  } finally {
    await open.close();
  }
}

async function reconcile({ db, artifacts, environment }: OpenEnvironment, json: boolean): Promise<number> {
  const connection = await connectToServer(process.env);
  try {
    const client = new Client({ connection, namespace: environment });
    const standing = (workflowId: string) => workflowStanding(client, workflowId);
    const now = (): Date => new Date();
    const findings = await reconcileRegistry({ db, artifacts, environment, now, workflowStanding: standing });
    print(json ? [JSON.stringify(findings, null, 2)] : describeFindings(environment, findings));
    return findings.length === 0 ? 0 : 1;
  } finally {
    await connection.close();
  }
}

function describeFindings(environment: string, findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [`${environment}: all fits`];
  return findings.flatMap(({ kind, model, version, found, meaning, repair }) => [
    `${model}${version === null ? '' : ` version ${version}`}: ${kind}`,
    `  found    ${found}`,
    `  means    ${meaning}`,
    `  to do    ${repair}`,
  ]);
}

type ProductionCommand = Extract<RegistryCommand, { readonly command: 'production' }>;

async function production(
  { registry, environment }: OpenEnvironment,
  { model, at, json }: ProductionCommand,
): Promise<number> {
  const now = new Date();
  const instant = at ?? now.toISOString();
  const report = await reportProduction(registry, model, instant, now);
  if (json) print([JSON.stringify(report ?? null, null, 2)]);
  else if (report === undefined)
    print([`nothing of ${model} was in Production at ${instant}${await hint(registry, model)}`]);
  else print(describe(report, environment, await temporalUi()));
  return report === undefined ? 1 : 0;
}

/** Whoever misspelt a model's name is told which there are. */
async function hint(registry: OpenEnvironment['registry'], model: string): Promise<string> {
  const [first] = await registry.productionHistory(model);
  if (first !== undefined) return `; the first version of it came there on ${first.enteredAt}`;
  const known = (await registry.productionVersions()).map(({ model: name }) => name);
  return `; nor ever before${known.length === 0 ? '' : ` (in Production now: ${known.join(', ')})`}`;
}

function describe(report: ProductionReport, environment: string, ui: string): string[] {
  const { model, version, since, until, enteredThrough, decidedBy, reason, evidenceDigest, workflowId } = report;
  return [
    `${model} version ${version}`,
    `  since     ${since}, by ${enteredThrough}`,
    `  until     ${until ?? 'now: it serves'}`,
    ...decidedBy.map(
      ({ name, proof, keyId, comment, decidedAt, leftAt }) =>
        `  decided   by ${name} (${proof}${keyId === null ? '' : `, key ${keyId}`}${leftAt === null ? '' : `, who left on ${leftAt}`}) on ${decidedAt}: ${comment}`,
    ),
    `  reason    ${reason}`,
    `  evidence  ${evidenceDigest ?? 'none'}`,
    `  file      sha256 ${report.modelSha256 ?? 'none'}`,
    `  workflow  ${workflowId ?? 'none'}`,
    ...(workflowId === null ? [] : [`  link      ${linkTo(ui, environment, workflowId)}`]),
    `  pack      npm run audit -- export -n ${environment} --model ${model} --version ${version}`,
  ];
}

/** A list of the runs of a workflow id: a link to one needs its run id, and ends with the server's retention. */
function linkTo(ui: string, environment: string, workflowId: string): string {
  const query = encodeURIComponent(`WorkflowId="${workflowId}"`);
  return `${ui}/namespaces/${environment}/workflows?query=${query}`;
}

async function temporalUi(): Promise<string> {
  const given = process.env['SUPERSTEP_TEMPORAL_UI'];
  if (given !== undefined && given !== '') return given;
  return `http://${HOST}:${(await choosePorts(await readDevConfig(), process.env)).ui}`;
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
