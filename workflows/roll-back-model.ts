import { workflowInfo } from '@temporalio/workflow';
import type { RollBackModelInput, RollBackModelResult } from '../contracts/roll-back-model.ts';
import { promotion } from './activities.ts';
import { beginStory } from './story.ts';
import { wakeGates } from './wake-gates.ts';

/** Puts the previous Production back, in one registry transaction; gates that compared with the other are woken. */
export async function rollBackModel(input: RollBackModelInput): Promise<RollBackModelResult> {
  const story = beginStory('Rollback');
  // A reset keeps the first run's id, and so finds what was done already.
  const { workflowId, firstExecutionRunId: runId } = workflowInfo();
  story.phase('roll-back', 'Putting the previous Production back.');
  const { waitingGates, ...result } = await promotion.rollBackVersion.executeWithOptions(
    { summary: 'back to the previous Production' },
    [{ input, workflowId, runId }],
  );
  story.about(result.model);
  await wakeGates(waitingGates);
  story.phase(
    'done',
    result.outcome === 'rolled-back'
      ? `Version **${result.to}** is in Production again; version ${result.from} is archived.`
      : 'There is no earlier Production to go back to; nothing changed.',
  );
  return result;
}
