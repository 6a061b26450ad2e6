import { defineSignal, getExternalWorkflowHandle, log } from '@temporalio/workflow';
import { MESSAGE_NAMES } from '../contracts/messages.ts';

/** Wakes a waiting gate, to look at the registry again. */
export const groundMovedSignal = defineSignal(MESSAGE_NAMES.groundMoved);

/** Wakes gates by workflow id. One that has ended needs no waking: what happened stands in the registry. */
export async function wakeGates(workflowIds: readonly string[]): Promise<void> {
  for (const workflowId of workflowIds) {
    try {
      await getExternalWorkflowHandle(workflowId).signal(groundMovedSignal);
    } catch (error) {
      log.info('a gate to wake is not running', { workflowId, error: String(error) });
    }
  }
}
