import { workflowInfo } from '@temporalio/workflow';
import type { AcceptedInput, AcceptInput } from '../contracts/accept-input.ts';
import { projects } from './activities.ts';
import type { Story } from './story.ts';

/** The first step of a run: its input is parsed and its project and policy are pinned, or it ends with what is wrong. */
export async function acceptInput<Input extends { readonly project: string }>(
  workflow: AcceptInput['workflow'],
  input: unknown,
  story: Story,
): Promise<AcceptedInput<Input>> {
  const accepted = await projects.acceptInput.executeWithOptions(
    { summary: 'check the input, pin project and policy' },
    [{ workflow, input, now: startInstant() }],
  );
  story.about(accepted.pinned.model, accepted.asOf);
  return accepted as AcceptedInput<Input>;
}

/** When a schedule started the run, the time it was due; a late start must not move its window. */
function startInstant(): string {
  const info = workflowInfo();
  const due = info.searchAttributes['TemporalScheduledStartTime']?.[0];
  return (due instanceof Date ? due : info.startTime).toISOString();
}
