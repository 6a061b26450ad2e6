import { describe, expect, it } from 'vitest';
import { parseInput } from '../../activities/project-activities.ts';
import { SuperstepError } from '../../contracts/failure-types.ts';
import { WORKFLOW_INPUTS } from '../../contracts/schemas/workflow-inputs.ts';

type Workflow = keyof typeof WORKFLOW_INPUTS;

function refusal(workflow: Workflow, input: unknown): SuperstepError {
  try {
    parseInput(workflow, WORKFLOW_INPUTS[workflow], input);
  } catch (error) {
    expect(error).toBeInstanceOf(SuperstepError);
    return error as SuperstepError;
  }
  throw new Error(`${workflow} took ${JSON.stringify(input)}`);
}

describe('parseInput', () => {
  it.each<[Workflow, unknown, RegExp[]]>([
    ['refreshFeatures', undefined, [/^refreshFeatures cannot start: input: /, /Found no input; docs\/workflows.md/]],
    ['trainModel', null, [/input: .*expected object/, /Found null/]],
    ['trainModel', [], [/expected object/, /Found \[\]/]],
    ['trainModel', 'flights-delay', [/expected object/, /Found "flights-delay"/]],
    ['trainModel', {}, [/project: /]],
    ['trainModel', { project: 'Flights Delay' }, [/project: expected lower-case words joined by "-"/]],
    ['trainModel', { project: 'flights-delay', asof: '2001-05-01T00:00:00Z' }, [/"asof"/]],
    ['trainModel', { project: 'flights-delay', asOf: '2001-02-30T00:00:00Z' }, [/asOf: expected an instant/]],
    ['trainModel', { project: 'flights-delay', asOf: 'yesterday' }, [/asOf: expected an instant in UTC, for example/]],
    ['trainModel', { project: 'flights-delay', trigger: 'whim', snapshot: -1 }, [/trigger: /, /snapshot: /]],
    ['promoteModel', { project: 'flights-delay', version: '7' }, [/version: .*expected number/]],
    ['promoteModel', { project: 'flights-delay', version: 0 }, [/version: /]],
    [
      'scoreBatch',
      { project: 'flights-delay', from: '2001-05-08T00:00:00Z', until: '2001-05-01T00:00:00Z' },
      [/from: expected "from" before "until"/],
    ],
    [
      'scoreBatch',
      { project: 'flights-delay', sink: { format: 'csv', path: '../../etc/passwd' } },
      [/sink.path: expected a path below the exports folder/],
    ],
    ['rollBackModel', { model: 'flights-delay', reason: '  ', requestedBy: 'ml-lead' }, [/reason: /]],
  ])('refuses for %s: %j', (workflow, input, messages) => {
    const { type, message, details } = refusal(workflow, input);
    expect(type).toBe('InvalidInput');
    for (const part of messages) expect(message).toMatch(part);
    expect(details['issues']).not.toEqual([]);
  });

  it('shows no more of a huge input than a person reads', () => {
    expect(refusal('trainModel', { project: 'x'.repeat(1_000_000) }).message.length).toBeLessThan(1_000);
  });

  it('reads instants into one form and keeps what was given', () => {
    const input = { project: 'flights-delay', asOf: '2001-05-01T00:00Z', refresh: false };
    expect(parseInput('trainToDeploy', WORKFLOW_INPUTS.trainToDeploy, input)).toEqual({
      project: 'flights-delay',
      asOf: '2001-05-01T00:00:00.000Z',
      refresh: false,
    });
  });
});
