import { ActivityFailure, ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { FailureType } from '../contracts/failure-types.ts';
import type { PinnedPromotion, PromoteModelInput } from '../contracts/promote-model.ts';
import { adoption, datasets, promotion } from './activities.ts';
import type { Story } from './story.ts';

/** Faults of the model itself: it cannot be judged, and no other try would change that. */
const UNUSABLE: readonly FailureType[] = ['UnsupportedOperator', 'SchemaMismatch', 'ChildProcessKilled', 'OutOfMemory'];

/**
 * Pins the candidate. A version that a registry client brought is evaluated first, on the project's newest data, so
 * that all gates judge it as they judge one that was trained here. One that cannot be evaluated is pinned as unusable.
 */
export async function pinCandidate(input: PromoteModelInput, story: Story): Promise<PinnedPromotion> {
  const pinned = await pin(input);
  if (!('needsAdoption' in pinned)) return pinned;
  story.phase('adopt', 'A registry client brought this version. Evaluating it on the project’s newest data.');
  const unusable = await adopt(input);
  if (unusable !== undefined) return unusable;
  const adopted = await pin(input);
  if (!('needsAdoption' in adopted)) return adopted;
  // It was recorded a moment ago; asking again would only get the same answer.
  throw ApplicationFailure.nonRetryable('the version was evaluated, and has no lineage none the less', 'UnknownModel');
}

function pin(input: PromoteModelInput) {
  return promotion.pinPromotion.executeWithOptions({ summary: 'pin the candidate and today’s policy' }, [{ input }]);
}

/** Evaluates a client's version and records that; gives the candidate where it cannot be evaluated. */
async function adopt(input: PromoteModelInput): Promise<PinnedPromotion | undefined> {
  const now = new Date().toISOString();
  const begun = await adoption.beginAdoption.executeWithOptions({ summary: 'pin the project and the ONNX file' }, [
    { input, now },
  ]);
  const { candidate, onnx, columns } = begun;
  if (onnx === null || candidate.unusable !== undefined) return candidate;
  const { pinned } = candidate;
  const dataset = await datasets.prepareTrainingData.executeWithOptions({ summary: 'rows to judge it on' }, [
    { pinned },
  ]);
  const trained = { onnx, ...(columns === null ? {} : { features: columns }) };
  try {
    const evaluation = await datasets.evaluateModel.executeWithOptions({ summary: 'score the held-out rows' }, [
      { pinned, dataset, trained },
    ]);
    const { workflowId } = workflowInfo();
    await adoption.recordAdoption.executeWithOptions({ summary: 'log the evaluation' }, [
      { ...begun, workflowId, dataset, evaluation },
    ]);
    return undefined;
  } catch (error) {
    return { ...candidate, asOf: dataset.asOf, snapshot: dataset.snapshot, unusable: faultOfModel(error) };
  }
}

/** What is wrong with the model; any other failure is thrown on. */
function faultOfModel(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && (UNUSABLE as readonly string[]).includes(cause.type ?? '')) {
    return cause.message;
  }
  throw error;
}
