import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureType } from '../../contracts/failure-types.ts';
import type { TrainModelResult } from '../../contracts/train-model.ts';
import type { WorkflowType } from '../../contracts/workflow-ids.ts';
import type { EnvironmentRecords } from '../support/environment-records.ts';
import { PROJECT } from '../support/small-flights.ts';
import { runWorkflow, startTestStack, type TestStack, waitAtGate, waitForStatus } from '../support/test-stack.ts';

const AS_OF = '2001-02-20T00:00:00Z';

/** Through the real workflows, in prod: what is wrong is said clearly, and neither lake nor registry changes. */
describe('bad input', () => {
  let superstep: TestStack;
  let records: EnvironmentRecords;
  let trained: TrainModelResult;
  let runs = 0;
  beforeAll(async () => {
    superstep = await startTestStack();
    const { client } = superstep;
    await runWorkflow(client, 'refreshFeatures', 'refresh-features/good', { project: PROJECT, asOf: AS_OF });
    trained = await runWorkflow(client, 'trainModel', 'train-model/good', { project: PROJECT, asOf: AS_OF });
    records = await superstep.records();
  });
  afterAll(() => superstep?.stop());

  const failureOf = async (type: WorkflowType, input: unknown): Promise<ApplicationFailure> => {
    runs += 1;
    const before = await records.fingerprint();
    try {
      await runWorkflow(superstep.client, type, `${type}/bad-${runs}`, input);
    } catch (error) {
      expect(await records.fingerprint()).toBe(before);
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        if (cause instanceof ApplicationFailure && !(cause instanceof WorkflowFailedError)) return cause;
      }
      throw error;
    }
    throw new Error(`${type} accepted ${JSON.stringify(input)}`);
  };
  const refuses = async (type: WorkflowType, input: unknown, failure: FailureType, message: RegExp): Promise<void> => {
    const found = await failureOf(type, input);
    expect(found.message).toMatch(message);
    expect([found.type, found.nonRetryable]).toEqual([failure, true]);
  };
  /** Refused with a file of the project changed. */
  const refusesChange = async (
    file: string,
    edit: (text: string) => string,
    [type, input]: readonly [WorkflowType, unknown],
    failure: FailureType,
    message: RegExp,
  ): Promise<void> => {
    const undo = await superstep.project.change(file, edit);
    try {
      await refuses(type, input, failure, message);
    } finally {
      await undo();
    }
  };
  const TRAIN = ['trainModel', { project: PROJECT, asOf: AS_OF }] as const;
  const REFRESH = ['refreshFeatures', { project: PROJECT, asOf: '2001-02-25T00:00:00Z' }] as const;

  it('an unknown project is told with the known ones, by each workflow', async () => {
    for (const type of ['refreshFeatures', 'trainModel', 'trainToDeploy', 'scoreBatch', 'monitorModel'] as const) {
      await refuses(type, { project: 'flight-delay' }, 'UnknownProject', /no project "?flight-delay.*flights-delay/);
    }
    const promote = { project: 'flight-delay', version: 1 };
    await refuses('promoteModel', promote, 'UnknownModel', /flight-delay/);
    const rollBack = { model: 'flight-delay', reason: 'none', requestedBy: 'ml-lead' };
    await refuses('rollBackModel', rollBack, 'UnknownModel', /flight-delay/);
  });

  it('an input of the wrong shape is told field by field', async () => {
    await refuses('refreshFeatures', undefined, 'InvalidInput', /refreshFeatures cannot start: .*no input/);
    await refuses('trainModel', { project: PROJECT, asof: AS_OF }, 'InvalidInput', /asof/);
    await refuses('trainModel', { project: PROJECT, asOf: '2001-02-30T00:00:00Z' }, 'InvalidInput', /asOf: /);
    await refuses('trainModel', { project: PROJECT, snapshot: 999 }, 'InvalidInput', /snapshot 999 is no refresh of/);
    await refuses('promoteModel', { project: PROJECT, version: 'one' }, 'InvalidInput', /version: /);
    const sink = { format: 'csv', path: '../outside.csv' };
    await refuses('scoreBatch', { project: PROJECT, sink }, 'InvalidInput', /sink\.path: .*below the exports folder/);
    const window = { from: '2001-02-20T00:00:00Z', until: '2001-02-10T00:00:00Z' };
    await refuses('scoreBatch', { project: PROJECT, ...window }, 'InvalidInput', /"from" before "until"/);
    const rollBack = { model: PROJECT, reason: ' ', requestedBy: 'ml-lead' };
    await refuses('rollBackModel', rollBack, 'InvalidInput', /reason: /);
  });

  it('broken YAML and an unknown field are told with file and line', async () => {
    await refusesChange('project.yaml', (text) => `${text}\n  oops: [`, TRAIN, 'InvalidProject', /project\.yaml:\d+/);
    await refusesChange(
      'project.yaml',
      (text) => text.replace('event_time: date', 'event_tme: date'),
      REFRESH,
      'InvalidProject',
      /project\.yaml:\d+.*event_tme.*event_time/s,
    );
  });

  it('SQL that fails is told with file and line', async () => {
    await refusesChange(
      'silver/flights.sql',
      (text) => text.replace('distance,', 'distance * miles AS distance,'),
      REFRESH,
      'QueryFailed',
      /silver\/flights\.sql, line 7: "distance \* miles AS distance,": .*miles/,
    );
    await refusesChange(
      'training/spine.sql',
      (text) => text.replace('SELECT', 'SELECT FROM WHERE'),
      TRAIN,
      'QueryFailed',
      /training\/spine\.sql, line \d+/,
    );
  });

  it('a missing column is named, with what there is', async () => {
    await refusesChange(
      'training/labels.sql',
      (text) => text.replace('delay_known_at AS known_at', 'delay_known_at'),
      TRAIN,
      'SchemaMismatch',
      /training\/labels\.sql.*known_at/,
    );
    await refusesChange(
      'project.yaml',
      (text) => text.replace('event_time: date', 'event_time: departure'),
      REFRESH,
      'SchemaMismatch',
      /flights.*departure.*date/s,
    );
    await refusesChange(
      'project.yaml',
      (text) => text.replace('- airport_hour.late_rate_6h', '- airport_hour.late_rate_5h'),
      TRAIN,
      'SchemaMismatch',
      /late_rate_5h/,
    );
  });

  it('an empty window and an as-of before the data are told with what there is', async () => {
    const before = { project: PROJECT, asOf: '2000-12-01T00:00:00Z' };
    await refuses('refreshFeatures', before, 'EmptyDataset', /its first row happens at 2001-01-01/);
    await refuses('refreshFeatures', { ...before, full: true }, 'EmptyDataset', /its first row happens at 2001-01-01/);
    await refuses('trainModel', before, 'EmptyDataset', /as of 2000-12-01.*2001-01-01/);
    const tooEarly = { project: PROJECT, asOf: '2001-01-10T00:00:00Z' };
    await refuses('trainModel', tooEarly, 'EmptyDataset', /more than the 14d that training\.split\.holdout keeps back/);
    const fingerprint = await records.fingerprint();
    const window = { from: '2001-05-01T00:00:00Z', until: '2001-05-08T00:00:00Z' };
    const scored = await runWorkflow(superstep.client, 'scoreBatch', 'score-batch/empty', {
      project: PROJECT,
      ...window,
    });
    expect(scored).toMatchObject({ outcome: 'no-production', rows: 0 });
    expect(await records.fingerprint()).toBe(fingerprint);
  });

  it('labels of one class are refused', async () => {
    await refusesChange(
      'training/labels.sql',
      (text) => text.replace('(delay > 15)::INTEGER AS late', '0 AS late'),
      TRAIN,
      'EmptyDataset',
      /all \d+ labels .* are of one class \(late = 0\)/,
    );
  });

  it('a project that loosens the policy is refused, with both values', async () => {
    await refusesChange(
      'project.yaml',
      (text) => text.replace('margin: 0', 'margin: -0.1'),
      TRAIN,
      'InvalidProject',
      /flights-delay\/project\.yaml.*margin.*-0\.1.*policies\/prod\.yaml/s,
    );
  });

  it('a project folder that differs from its commit refreshes and trains nothing in prod', async () => {
    const git = (...args: string[]) =>
      promisify(execFile)(
        'git',
        ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false', ...args],
        { cwd: superstep.project.folder },
      );
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'release');
    const comment = (text: string): string => `-- tried out\n${text}`;
    await refusesChange(
      'training/spine.sql',
      comment,
      ['refreshFeatures', { project: PROJECT, asOf: AS_OF }],
      'DirtyProject',
      /runs released code only/,
    );
    await refusesChange('training/spine.sql', comment, TRAIN, 'DirtyProject', /changes that are not committed.*prod/);
    await refusesChange(
      'training/spine.sql',
      comment,
      ['trainToDeploy', { project: PROJECT, asOf: AS_OF }],
      'DirtyProject',
      /commit them, or work in dev/,
    );
  });

  it('a second start under one id is refused, and the first goes on', async () => {
    const start = (...more: string[]): Promise<unknown> =>
      superstep.cli(
        ...['workflow', 'start', '--type', 'promoteModel', '--task-queue', 'superstep', ...more],
        ...['--workflow-id', `promote-model/${PROJECT}/1`, '--id-reuse-policy', 'RejectDuplicate'],
        ...['--input', JSON.stringify({ project: PROJECT, version: 1 })],
      );
    // With a signal that comes before the gate opens: nobody can have seen the evidence yet.
    await superstep.client.workflow.signalWithStart('promoteModel', {
      taskQueue: 'superstep',
      workflowId: `promote-model/${PROJECT}/1`,
      args: [{ project: PROJECT, version: 1 }],
      signal: 'approve',
      signalArgs: [{ approver: 'ml-lead', comment: 'I trust it' }],
    });
    await expect(start('--fail-existing')).rejects.toThrow(/already running/);
    const again = superstep.client.workflow.start('promoteModel', {
      taskQueue: 'superstep',
      workflowId: `promote-model/${PROJECT}/1`,
      args: [{ project: PROJECT, version: 1 }],
    });
    await expect(again).rejects.toBeInstanceOf(WorkflowExecutionAlreadyStartedError);
    await waitForStatus(superstep.client, `promote-model/${PROJECT}/1`, ({ details }) =>
      details.includes('| ml-lead | approve | signal | not counted: the gate is not open yet'),
    );
    expect(await records.registryRows('gate_results')).toHaveLength(2);
    expect(await records.registryRows('decisions')).toMatchObject([{ approver: 'ml-lead', counted: 0 }]);
  });

  it('a decision that cannot count is refused with the reason, a signal of that kind recorded; a good one counts', async () => {
    const promotion = superstep.client.workflow.getHandle(`promote-model/${PROJECT}/1`);
    const { digest } = await waitAtGate(superstep.client, promotion.workflowId);
    const good = { decision: 'reject', approver: 'governance', comment: 'not now', evidence: digest };
    const wrong: readonly (readonly [payload: unknown, type: FailureType, message: RegExp])[] = [
      [{ ...good, approver: 'passer-by' }, 'NotAuthorized', /lists governance, ml-lead/],
      [{ ...good, comment: '' }, 'InvalidInput', /no comment/],
      [{ ...good, evidence: 'ffffffffffff' }, 'StaleDecision', new RegExp(`waits on ${digest}`)],
      [{ ...good, evidence: undefined }, 'InvalidInput', new RegExp(`expected "evidence": "${digest}"`)],
      [{ ...good, decision: 'perhaps' }, 'InvalidInput', /expected "decision": "approve" or "reject"/],
      ['reject', 'InvalidInput', /no decision in it/],
    ];
    for (const [payload, type, message] of wrong) {
      const error: unknown = await promotion.executeUpdate('decide', { args: [payload] }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
      const { cause } = error as WorkflowUpdateFailedError;
      expect(cause?.message).toMatch(message);
      expect(cause).toMatchObject({ type });
    }
    expect(await records.registryRows('decisions')).toHaveLength(1);
    await promotion.signal('reject', { approver: 'governance', evidence: digest });
    await promotion.signal('reject', good);
    expect(await promotion.result()).toMatchObject({
      outcome: 'rejected',
      decisions: [
        { counted: false, approver: 'ml-lead' },
        { counted: false, via: 'signal' },
        { counted: true, comment: 'not now' },
      ],
    });
    await expect(promotion.executeUpdate('decide', { args: [good] })).rejects.toThrow(/already completed|not found/i);
    const [version] = await records.registry.modelVersions(PROJECT);
    expect(version?.stage).toBe('Archived');
  });

  it('a damaged artifact is found by its digest before anything is judged', async () => {
    const file = records.artifacts.path(trained.onnx);
    const bytes = await readFile(file);
    await chmod(file, 0o644);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 1, damaged.length >> 1);
    await writeFile(file, damaged);
    const promote = { project: PROJECT, version: 1 };
    await refuses('promoteModel', promote, 'ChecksumMismatch', new RegExp(`expected .*${trained.onnx.sha256}`));
    await writeFile(file, bytes);
  });
});
