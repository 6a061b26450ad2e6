import { workflowId } from '../../../contracts/workflow-ids.ts';
import type {
  LeaseFact,
  RegistryFacts,
  RequestFact,
  StayFact,
  VersionFact,
  WorkflowStanding,
  WorldFacts,
} from './facts.ts';

export type FindingKind =
  | 'request-without-workflow'
  | 'gate-was-reset'
  | 'production-without-decision'
  | 'production-without-history'
  | 'history-without-production'
  | 'stage-without-act'
  | 'decision-without-record'
  | 'evidence-missing'
  | 'evidence-damaged'
  | 'model-file-missing'
  | 'model-file-damaged'
  | 'lease-without-holder';

/** Something that does not fit together, for a person to judge; nothing was changed. */
export interface Finding {
  readonly kind: FindingKind;
  readonly model: string;
  /** Null for what concerns no version. */
  readonly version: number | null;
  readonly found: string;
  readonly meaning: string;
  /** The command that repairs it, or what a person does where none can. */
  readonly repair: string;
}

/** Holds the registry against itself, its workflows and its files. Pure: the same facts give the same findings. */
export function reconcile(facts: RegistryFacts, world: WorldFacts): Finding[] {
  return [
    ...facts.requests.flatMap((request) => requestFindings(request, world)),
    ...facts.versions.flatMap((version) => versionFindings(version, facts, world)),
    ...facts.stays.flatMap((stay) => stayFindings(stay, facts, world.environment)),
    ...evidenceFindings(facts, world),
    ...facts.decisions.flatMap((decision) =>
      decision.inAudit ? [] : [unrecordedDecision(decision, world.environment)],
    ),
    ...facts.leases.flatMap((lease) => leaseFindings(lease, world)),
  ];
}

const GONE: WorkflowStanding = { status: 'gone', runId: null };

/**
 * The workflow that must be alive to carry a request out; undefined for one that is closed, and for one that waits for
 * a person alone: only Production has a workflow whether or not the request names it.
 */
export function carrierOf(request: RequestFact): string | undefined {
  if (!isWaiting(request)) return undefined;
  const { model, version, toStage } = request;
  return request.workflowId ?? (toStage === 'Production' ? workflowId('promoteModel', model, version) : undefined);
}

function requestFindings(request: RequestFact, world: WorldFacts): Finding[] {
  const { model, version, toStage, openedByRun } = request;
  const id = carrierOf(request);
  if (id === undefined) return [];
  const { status, runId } = world.workflows.get(id) ?? GONE;
  if (status !== 'running') {
    return [
      {
        kind: 'request-without-workflow',
        model,
        version,
        found: `request ${request.id} for ${toStage} is ${request.status}; its workflow ${id} is ${status}`,
        meaning: 'Nobody carries a decision out: an approval would wait for ever.',
        repair: startCommand(world.environment, model, version),
      },
    ];
  }
  if (openedByRun === null || openedByRun === runId) return [];
  return [
    {
      kind: 'gate-was-reset',
      model,
      version,
      found: `run ${openedByRun} opened request ${request.id}; now run ${runId ?? 'unknown'} of ${id} waits`,
      meaning: 'The workflow was reset: decisions sent after the point of the reset may not have come along.',
      repair: `${TEMPORAL} workflow query -n ${world.environment} -w ${id} --type status  # then decide again if the decision is not listed`,
    },
  ];
}

function versionFindings(
  version: VersionFact,
  facts: RegistryFacts,
  { environment, artifacts }: WorldFacts,
): Finding[] {
  const { model, stage, stageByAudit, onnx } = version;
  const named = { model, version: version.version };
  const findings: Finding[] = [];
  if (stageByAudit !== stage) {
    findings.push({
      kind: 'stage-without-act',
      ...named,
      found: `the version is in ${stage}; the audit last says ${stageByAudit ?? 'nothing of it'}`,
      meaning: 'Its stage was changed without the registry, by a hand in the database.',
      repair: verifyCommand(environment),
    });
  }
  if (stage !== 'Production') return findings;
  if (!facts.stays.some((stay) => isStayOf(stay, version) && stay.leftAt === null)) {
    findings.push({
      kind: 'production-without-history',
      ...named,
      found: 'the version is in Production; the history of Production does not say since when',
      meaning: 'It did not get there through the registry: nobody can tell who decided it.',
      repair: rollBackCommand(environment, model, 'it is in Production without history'),
    });
  }
  const file = onnx === null ? undefined : artifacts.get(onnx);
  if (onnx !== null && file !== undefined && file !== 'intact') {
    findings.push({
      kind: file === 'missing' ? 'model-file-missing' : 'model-file-damaged',
      ...named,
      found: `the file of the version in Production, sha256 ${onnx}, is ${file}`,
      meaning: 'It can no longer be served, or checked against what the gates judged.',
      repair: restoreDeed(onnx),
    });
  }
  return findings;
}

function stayFindings(stay: StayFact, facts: RegistryFacts, environment: string): Finding[] {
  const { model, version, enteredAt, leftAt, enteredThrough } = stay;
  const named = { model, version };
  const since = `version ${version} entered Production on ${enteredAt} by ${enteredThrough}`;
  const findings: Finding[] = [];
  const present = facts.versions.find((candidate) => isStayOf(stay, candidate));
  if (leftAt === null && present?.stage !== 'Production') {
    findings.push({
      kind: 'history-without-production',
      ...named,
      found: `${since} and has not left; it is in ${present?.stage ?? 'no stage: it is not there'}`,
      meaning: 'What serves is not what the history says; a rollback would start from a wrong place.',
      repair: 'npm run db -- restore <backup>  # after comparing with the audit: npm run audit -- verify',
    });
  }
  const why = undecided(stay, facts.requests);
  if (why !== undefined) {
    findings.push({
      kind: 'production-without-decision',
      ...named,
      found: `${since}; ${why}`,
      meaning: 'It cannot be proved who decided that it serves.',
      repair:
        leftAt === null
          ? rollBackCommand(environment, model, 'it is in Production without a decision')
          : 'npm run audit -- verify  # it serves no more; find out whether the audit was touched',
    });
  }
  return findings;
}

/** Why nobody's decision stands behind a stay; undefined when one does. */
function undecided(stay: StayFact, requests: readonly RequestFact[]): string | undefined {
  if (stay.enteredThrough === 'promotion') {
    const request = requests.find((candidate) => candidate.id === stay.requestId);
    if (request === undefined) return 'there is no request behind it';
    if (request.status !== 'approved') return `its request ${request.id} is ${request.status}`;
    if (request.approvals === 0) return `no approval of its request ${request.id} counted`;
  }
  return stay.inAudit ? undefined : 'the audit does not know of it';
}

/** Evidence is stored under its own digest, so that the digest is all that is needed to find it and to check it. */
function evidenceFindings({ requests, stays }: RegistryFacts, { artifacts }: WorldFacts): Finding[] {
  const served = new Set(stays.map((stay) => stay.requestId));
  return requests.flatMap((request): Finding[] => {
    const { model, version, evidenceDigest: digest } = request;
    const matters = request.approvals > 0 || isWaiting(request) || served.has(request.id);
    const standing = digest === null || !matters ? undefined : artifacts.get(digest);
    if (digest === null || standing === undefined || standing === 'intact') return [];
    return [
      {
        kind: standing === 'missing' ? 'evidence-missing' : 'evidence-damaged',
        model,
        version,
        found: `the evidence ${digest} of request ${request.id} (${request.status}) is ${standing}`,
        meaning: 'What the decision rests on cannot be shown any more.',
        repair: restoreDeed(digest),
      },
    ];
  });
}

function unrecordedDecision(decision: RegistryFacts['decisions'][number], environment: string): Finding {
  const { model, version, approver } = decision;
  return {
    kind: 'decision-without-record',
    model,
    version,
    found: `the decision "${decision.decision}" of ${approver} of ${decision.recordedAt} counts; the audit does not know of it`,
    meaning: 'It was put into the database past the registry.',
    repair: verifyCommand(environment),
  };
}

function leaseFindings({ model, holder, expiresAt }: LeaseFact, { workflows }: WorldFacts): Finding[] {
  const { status } = workflows.get(holder) ?? GONE;
  if (status === 'running') return [];
  return [
    {
      kind: 'lease-without-holder',
      model,
      version: null,
      found: `${holder} holds the lease to retrain until ${expiresAt}; it is ${status}`,
      meaning: 'Nothing retrains this model until then.',
      repair: `wait until ${expiresAt}: the lease ends by itself`,
    },
  ];
}

const TEMPORAL = 'npm run temporal --';

function isWaiting({ status }: RequestFact): boolean {
  return status === 'open' || status === 'asked';
}

function isStayOf(stay: StayFact, version: { readonly model: string; readonly version: number }): boolean {
  return stay.model === version.model && stay.version === version.version;
}

function verifyCommand(environment: string): string {
  return `npm run audit -- verify --environment ${environment} --heads <where heads were written to>`;
}

function startCommand(environment: string, model: string, version: number): string {
  const input = JSON.stringify({ project: model, version });
  return `${TEMPORAL} workflow start -n ${environment} --type promoteModel --task-queue superstep --workflow-id ${workflowId('promoteModel', model, version)} --fail-existing --static-summary 'Ask again for Production' --input '${input}'`;
}

function rollBackCommand(environment: string, model: string, reason: string): string {
  const input = JSON.stringify({ model, reason, requestedBy: 'YOUR-ROLE' });
  return `${TEMPORAL} workflow start -n ${environment} --type rollBackModel --task-queue superstep --workflow-id ${workflowId('rollBackModel', model, 'reconcile')} --fail-existing --static-summary 'Roll back: ${reason}' --input '${input}'  # where the policy takes no name for proof: npm run registry -- roll-back -n ${environment} --model ${model} --reason '${reason}'`;
}

function restoreDeed(sha256: string): string {
  return `copy the file back from a backup: artifacts/${sha256.slice(0, 2)}/${sha256} in the environment's home`;
}
