/** The workflow types, as the Temporal CLI's `--type` takes them, and the first part of their recommended ids. */
export const WORKFLOW_ID_PREFIXES = {
  refreshFeatures: 'refresh-features',
  trainModel: 'train-model',
  promoteModel: 'promote-model',
  trainToDeploy: 'train-to-deploy',
  scoreBatch: 'score-batch',
  monitorModel: 'monitor-model',
  rollBackModel: 'roll-back-model',
  recertifyModels: 'recertify-models',
  writeAuditHead: 'write-audit-head',
  reconcileRegistry: 'reconcile-registry',
  deliverEvents: 'deliver-events',
} as const;

export type WorkflowType = keyof typeof WORKFLOW_ID_PREFIXES;

/** What a workflow id says: its type, whom it is about (a project or a model) and the caller's business key. */
export interface WorkflowIdParts {
  readonly type: WorkflowType;
  readonly subject: string;
  readonly key?: string;
}

/** Builds `<prefix>/<subject>[/<key>]`, for example `promote-model/flights-delay/7`. */
export function workflowId(type: WorkflowType, subject: string, key?: string | number): string {
  const id = `${WORKFLOW_ID_PREFIXES[type]}/${subject}`;
  return key === undefined ? id : `${id}/${key}`;
}

/** The inverse of {@link workflowId}; undefined for an id of another shape. */
export function parseWorkflowId(id: string): WorkflowIdParts | undefined {
  const [prefix, subject, ...rest] = id.split('/');
  const type = (Object.keys(WORKFLOW_ID_PREFIXES) as WorkflowType[]).find((t) => WORKFLOW_ID_PREFIXES[t] === prefix);
  if (type === undefined || subject === undefined || subject === '') return undefined;
  return rest.length === 0 ? { type, subject } : { type, subject, key: rest.join('/') };
}
