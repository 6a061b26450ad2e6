import { workflowInfo } from '@temporalio/workflow';
import type { RecertifiedModel, RecertifyModelsInput, RecertifyModelsResult } from '../contracts/recertify-models.ts';
import { recertification } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';

/**
 * Holds what is in Production against the policy, the libraries and the review dates of today. It changes nothing:
 * findings are told to those who must act.
 */
export async function recertifyModels(input: RecertifyModelsInput = {}): Promise<RecertifyModelsResult> {
  const story = beginStory('Recertification');
  story.phase('recertify', 'Looking at what is in Production.');
  const accepted = await recertification.modelsInProduction.executeWithOptions({ summary: 'what is in Production' }, [
    { input },
  ]);
  const { workflowId, firstExecutionRunId: runId } = workflowInfo();
  const models: RecertifiedModel[] = [];
  for (const model of accepted.models) {
    const review = accepted.input.review ?? null;
    const held = await recertification.recertifyModel.executeWithOptions({ summary: `${model} against today` }, [
      { model, review, workflowId, runId },
    ]);
    if (held !== null) models.push(held);
    story.phase('recertify', findingsTable(models));
  }
  const outcome =
    models.length === 0
      ? 'nothing-in-production'
      : models.some(({ findings }) => findings.length > 0)
        ? 'findings'
        : 'certified';
  story.phase('done', `**${outcome}**\n\n${findingsTable(models)}`);
  return { outcome, models };
}

function findingsTable(models: readonly RecertifiedModel[]): string {
  const rows = models.flatMap(({ model, version, findings }) =>
    findings.length === 0
      ? [[`${model} ${version}`, 'passes today', '']]
      : findings.map(({ finding, remedy }) => [`${model} ${version}`, finding, remedy]),
  );
  return markdownTable(['in Production', 'finding', 'what to do'], rows);
}
