import {
  executeChild,
  ParentClosePolicy,
  upsertSearchAttributes,
  workflowInfo,
  CancellationScope,
} from '@temporalio/workflow';
import type { PromoteModelResult } from '../contracts/promote-model.ts';
import type { RefreshFeaturesResult } from '../contracts/refresh-features.ts';
import { mlTrigger } from '../contracts/search-attributes.ts';
import type { TrainModelResult } from '../contracts/train-model.ts';
import type { TrainToDeployInput, TrainToDeployResult } from '../contracts/train-to-deploy.ts';
import { workflowId } from '../contracts/workflow-ids.ts';
import { acceptInput } from './accept.ts';
import { retraining } from './activities.ts';
import { promoteModel } from './promote-model.ts';
import { refreshFeatures } from './refresh-features.ts';
import { beginStory, markdownTable, type Story } from './story.ts';
import { trainModel } from './train-model.ts';

/** What became of the steps so far. */
interface Steps {
  readonly refresh: RefreshFeaturesResult | null;
  readonly training: TrainModelResult | null;
  readonly promotion: PromoteModelResult | null;
}

/**
 * The superstep from training to deployment: refresh, train, promote, each a workflow of its own. Its outcome is that of
 * the step that ended it. However it ends, its retraining lease ends with it.
 */
export async function trainToDeploy(input: TrainToDeployInput): Promise<TrainToDeployResult> {
  const story = beginStory('From training to deployment');
  const { workflowId: superstep } = workflowInfo();
  // A model bears the name of its project: a lease was taken for it before this run could look at the project.
  let model: unknown = (input as TrainToDeployInput | undefined)?.project;
  try {
    const { pinned, asOf, input: accepted } = await acceptInput<TrainToDeployInput>('trainToDeploy', input, story);
    model = pinned.model;
    const trigger = accepted.trigger ?? 'manual';
    upsertSearchAttributes([{ key: mlTrigger, value: trigger }]);
    return await runSteps(
      { project: accepted.project, asOf, trigger, refresh: accepted.refresh ?? true },
      superstep,
      story,
    );
  } finally {
    if (typeof model === 'string') await releaseLease(model, superstep);
  }
}

/** Lets the next retraining begin. Nothing to do when this superstep has no lease. */
async function releaseLease(model: string, holder: string): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    retraining.releaseRetrainingLease.executeWithOptions({ summary: 'let the next retraining begin' }, [
      { model, holder },
    ]),
  );
}

async function runSteps(
  input: Required<TrainToDeployInput>,
  superstep: string,
  story: Story,
): Promise<TrainToDeployResult> {
  const { project, asOf, trigger } = input;
  const child = { parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL };
  let steps: Steps = { refresh: null, training: null, promotion: null };
  if (input.refresh) {
    story.phase('refresh', stepTable(steps, superstep));
    const refresh = await executeChild(refreshFeatures, {
      ...child,
      workflowId: `${superstep}/refresh`,
      args: [{ project, asOf }],
      staticSummary: `Refresh features of ${project} as of ${asOf}`,
    });
    steps = { ...steps, refresh };
    if (refresh.outcome === 'stopped-by-expectation') {
      story.phase('done', stepTable(steps, superstep));
      return { outcome: refresh.outcome, ...steps };
    }
  }
  story.phase('train', stepTable(steps, superstep));
  const training = await executeChild(trainModel, {
    ...child,
    workflowId: `${superstep}/train`,
    args: [{ project, asOf, trigger }],
    staticSummary: `Train ${project} as of ${asOf}`,
  });
  steps = { ...steps, training };
  story.phase('promote', stepTable(steps, superstep));
  const promotion = await executeChild(promoteModel, {
    ...child,
    workflowId: workflowId('promoteModel', training.model, training.version),
    args: [{ project, version: training.version }],
    staticSummary: `Promote ${training.model} version ${training.version}`,
  });
  steps = { ...steps, promotion };
  story.phase('done', stepTable(steps, superstep));
  return { outcome: promotion.outcome, ...steps };
}

function stepTable({ refresh, training, promotion }: Steps, superstep: string): string {
  const promotionId = training === null ? '' : workflowId('promoteModel', training.model, training.version);
  return markdownTable(
    ['step', 'outcome', 'workflow'],
    [
      [
        'refresh features',
        refresh === null ? '' : `${refresh.outcome}, snapshot ${refresh.snapshot}`,
        `${superstep}/refresh`,
      ],
      ['train', training === null ? '' : `version ${training.version}`, `${superstep}/train`],
      ['promote', promotion?.outcome ?? '', promotionId],
    ],
  );
}
