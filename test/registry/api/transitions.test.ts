import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SuperstepError } from '../../../contracts/failure-types.ts';
import { createCaller } from '../../../registry/identity/rights.ts';
import type { TransitionRequest } from '../../../registry/open-requests.ts';
import { openModelServer, type ModelServer, type Who } from './open-model-server.ts';

const SCIENTIST: Who = { name: 'scientist', roles: ['contributor'] };
const READER: Who = { name: 'reader', roles: ['viewer'] };
const STAGING: Who = { name: 'sam', roles: ['staging-manager'] };
const GOVERNANCE: Who = { name: 'thirdOfficer', roles: ['governance'] };
const ROOT: Who = { name: 'root', roles: ['admin'] };

let s: ModelServer;
beforeEach(async () => {
  s = await openModelServer('refused');
});
afterEach(() => s.close());

const ask = (version: number, stage: string, who = SCIENTIST, comment = 'please') =>
  s.call('POST', 'transition-requests/create', { name: 'delays', version, stage, comment }, who);
/** Asks while no workflow can be started: the request stays. */
async function askWithoutTemporal(version: number): Promise<void> {
  const start = s.gates.startPromotion;
  const broken = s.gates as { startPromotion: typeof start };
  broken.startPromotion = () => Promise.reject(new Error('no Temporal'));
  await expect(ask(version, 'Production')).rejects.toThrow('no Temporal');
  broken.startPromotion = start;
}
const answer = (how: 'approve' | 'reject', version: number, stage: string, who: Who, comment = 'looked at it') =>
  s.call(
    'POST',
    `transition-requests/${how}`,
    { name: 'delays', version, stage, comment, archive_existing_versions: false },
    who,
  );
const list = async (version: number, who = SCIENTIST) =>
  ((await s.call('GET', 'transition-requests/list', { name: 'delays', version }, who)).body['requests'] ??
    []) as Record<string, unknown>[];
const requests = async (version: number) =>
  (await s.t.registry.transitionRequests('delays', version)).filter((r) => r.toStage === 'Production');

describe('a request for Production over REST', () => {
  it('starts promoteModel and becomes its gate: the same request, with its requester', async () => {
    const version = await s.t.stage('delays');
    const asked = await ask(version, 'production');
    expect(asked).toMatchObject({
      status: 200,
      body: {
        request: {
          activity_type: 'REQUESTED_TRANSITION',
          user_id: 'scientist',
          from_stage: 'Staging',
          to_stage: 'Production',
          comment: 'please',
          available_actions: ['CANCEL_TRANSITION_REQUEST'],
          workflow_id: 'promote-model/delays/1',
        },
      },
    });
    expect(s.gates.started).toEqual([{ model: 'delays', version, requestedBy: 'scientist' }]);
    const { requestId, digest } = await s.t.open('delays', version);
    expect(requestId).toBe((asked.body['request'] as { id: string }).id);
    expect(await requests(version)).toMatchObject([
      {
        status: 'open',
        requestedBy: 'scientist',
        requestedProof: 'claimed',
        comment: 'please',
        evidenceDigest: digest,
      },
    ]);
    const log = await s.t.registry.activityLog('delays');
    expect(log.filter((row) => row.toStage === 'Production').map((row) => row.action)).toEqual([
      'REQUESTED_TRANSITION',
      'GATE_OPENED',
    ]);
  });

  it('is found again by who asks again, before and after the gate opened', async () => {
    const version = await s.t.stage('delays');
    const first = await ask(version, 'Production');
    const id = (first.body['request'] as { id: string }).id;
    expect((await ask(version, 'Production', ROOT)).body).toMatchObject({ request: { id, user_id: 'scientist' } });
    await s.t.open('delays', version);
    expect((await ask(version, 'Production', ROOT)).body).toMatchObject({ request: { id } });
    expect(s.gates.started).toHaveLength(1);
  });

  it('starts what did not start when it was asked before', async () => {
    const version = await s.t.stage('delays');
    await askWithoutTemporal(version);
    expect(await requests(version)).toMatchObject([{ status: 'asked', workflowId: null }]);
    expect((await ask(version, 'Production')).status).toBe(200);
    expect(await requests(version)).toMatchObject([{ status: 'asked', workflowId: 'promote-model/delays/1' }]);
  });

  it('keeps its requester when the evidence is replaced, and ends with its version', async () => {
    const version = await s.t.stage('delays');
    await ask(version, 'Production');
    await s.t.open('delays', version);
    await s.t.open('delays', version, 2);
    expect(await requests(version)).toMatchObject([
      { status: 'cancelled', requestedBy: 'scientist' },
      { status: 'open', requestedBy: 'scientist', comment: 'please' },
    ]);
    const newer = await s.t.stage('delays');
    await ask(newer, 'Production');
    await s.t.open('delays', newer);
    expect((await requests(version)).at(-1)).toMatchObject({ status: 'superseded' });
    expect((await requests(newer)).at(-1)).toMatchObject({ status: 'open' });
  });

  it('is superseded, once its gate would open, by a newer version that waits', async () => {
    const older = await s.t.stage('delays');
    const newer = await s.t.stage('delays');
    await s.t.open('delays', newer);
    await ask(older, 'Production');
    await s.t.open('delays', older);
    expect(await requests(older)).toMatchObject([{ status: 'superseded', requestedBy: 'scientist' }]);
    expect(await s.t.registry.getModelVersion('delays', older)).toMatchObject({ stage: 'Archived' });
  });

  it.each(['Production', 'Staging'])(
    'for %s keeps version and model under their names until it ends',
    async (stage) => {
      const version = await s.t.stage('delays');
      await ask(version, stage);
      const deeds = [
        ['DELETE', 'model-versions/delete', { name: 'delays', version }],
        ['DELETE', 'registered-models/delete', { name: 'delays' }],
        ['POST', 'registered-models/rename', { name: 'delays', new_name: 'late' }],
      ] as const;
      for (const [method, path, fields] of deeds) {
        expect(await s.call(method, path, fields)).toMatchObject({
          status: 403,
          body: { message: expect.stringContaining('version 1 was asked for') as string },
        });
      }
      expect(await s.t.registry.transitionRequests('delays', version)).toContainEqual(
        expect.objectContaining({ toStage: stage, closedAt: null }),
      );
      await s.call('DELETE', 'transition-requests/delete', { name: 'delays', version, stage });
      expect((await s.call('POST', 'registered-models/rename', { name: 'delays', new_name: 'late' })).status).toBe(200);
    },
  );

  it('lets who may break the glass delete its version, and ends', async () => {
    const version = await s.t.stage('delays');
    await ask(version, 'Production');
    const broken = { name: 'delays', version, break_glass_reason: 'holds names' };
    expect((await s.call('DELETE', 'model-versions/delete', broken)).status).toBe(200);
    expect(await requests(version)).toMatchObject([{ status: 'cancelled' }]);
    expect(s.gates.woken).toEqual(['promote-model/delays/1']);
  });

  it('ends when its version fails a gate', async () => {
    const version = await s.t.register('delays');
    await ask(version, 'Production');
    await s.t.registry.recordGate({
      naturalKey: 'g',
      model: 'delays',
      version,
      gate: 'compliance',
      verdict: 'fail',
      summary: 'no card',
      checks: [],
      then: 'Archived',
      by: 'superstep',
    });
    expect(await requests(version)).toMatchObject([{ status: 'cancelled' }]);
    expect(await list(version)).toEqual([]);
  });

  it.each(['Production', 'Staging', 'Archived', 'None'])('needs the right to contribute, for %s too', async (stage) => {
    const version = await s.t.stage('delays');
    for (const who of [READER, GOVERNANCE]) {
      expect(await ask(version, stage, who)).toMatchObject({
        status: 403,
        body: { error_code: 'PERMISSION_DENIED', message: expect.stringContaining('"contribute"') as string },
      });
    }
    expect(s.gates.started).toEqual([]);
    expect(await s.t.registry.transitionRequests('delays', version)).toEqual([]);
  });

  it('starts nothing for a reader who asks again', async () => {
    const version = await s.t.stage('delays');
    await askWithoutTemporal(version);
    expect((await ask(version, 'Production', READER)).status).toBe(403);
    expect(s.gates.started).toEqual([]);
  });

  it('is refused for a version that is there already, or is not there', async () => {
    const version = await s.t.promoteNew('delays');
    expect(await ask(version, 'Production')).toMatchObject({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE' },
    });
    expect(await ask(9, 'Production')).toMatchObject({ status: 404 });
    expect(s.gates.started).toEqual([]);
  });
});

describe('an answer over REST', () => {
  it('before the gate is open is 409 and says the phase', async () => {
    const version = await s.t.register('delays');
    await ask(version, 'Production');
    const early = await answer('approve', version, 'Production', GOVERNANCE);
    expect(early).toMatchObject({ status: 409, body: { error_code: 'RESOURCE_CONFLICT' } });
    expect(early.body['message']).toContain('compliance phase');
    await s.t.registry.recordGate({
      ...{ naturalKey: 'g', model: 'delays', version, gate: 'compliance', verdict: 'pass', summary: '', checks: [] },
      ...{ then: 'Staging', by: 'superstep' },
    });
    expect((await answer('reject', version, 'Production', GOVERNANCE)).body['message']).toContain('comparison phase');
    expect(s.gates.decided).toEqual([]);
  });

  it('goes to the gate, attested on its evidence, and moves nothing itself', async () => {
    const version = await s.t.stage('delays');
    const { digest } = await s.t.open('delays', version);
    s.gates.answer = { counted: true, missing: 1 };
    const approved = await answer('approve', version, 'Production', GOVERNANCE, 'good');
    expect(approved.body).toMatchObject({
      activity: {
        activity_type: 'APPROVED_REQUEST',
        user_id: 'thirdOfficer',
        to_stage: 'Production',
        system_comment: 'the gate waits for 1 more',
      },
    });
    expect(s.gates.decided).toEqual([
      {
        workflowId: `promote-model/delays/${version}`,
        message: { attested: { approver: 'thirdOfficer', evidence: digest, decision: 'approve', comment: 'good' } },
      },
    ]);
    expect(await s.t.registry.getModelVersion('delays', version)).toMatchObject({ stage: 'Staging' });
    expect(await requests(version)).toMatchObject([{ status: 'open' }]);
  });

  it('that the gate does not count is its error', async () => {
    const version = await s.t.stage('delays');
    await s.t.open('delays', version);
    s.gates.answer = { counted: false, whyNot: 'thirdOfficer has decided already', failure: 'StaleDecision' };
    expect(await answer('approve', version, 'Production', GOVERNANCE)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('thirdOfficer has decided already') as string },
    });
    s.gates.answer = { counted: false, whyNot: 'no approver', failure: 'NotAuthorized' };
    expect((await answer('reject', version, 'Production', GOVERNANCE)).status).toBe(403);
  });

  it('needs the right over the target stage, or an approver’s role', async () => {
    const version = await s.t.stage('delays');
    await s.t.open('delays', version);
    for (const who of [READER, SCIENTIST, STAGING]) {
      expect(await answer('approve', version, 'Production', who)).toMatchObject({ status: 403 });
      expect((await list(version, who))[0]).not.toMatchObject({
        available_actions: expect.arrayContaining(['APPROVE_TRANSITION_REQUEST']) as unknown,
      });
    }
    expect((await list(version, GOVERNANCE))[0]).toMatchObject({
      available_actions: ['APPROVE_TRANSITION_REQUEST', 'REJECT_TRANSITION_REQUEST'],
    });
    expect(s.gates.decided).toEqual([]);
  });

  it('may come from the role that a gate is escalated to: whether it counts yet, the gate says', async () => {
    await s.close();
    const approval = { approvers: ['governance'], escalate: { after: '1h', to: ['deputy'] } };
    s = await openModelServer('refused', { approval });
    const version = await s.t.stage('delays');
    await s.t.open('delays', version);
    const deputy: Who = { name: 'deputyOfficer', roles: ['deputy'] };
    expect((await list(version, deputy))[0]).toMatchObject({
      available_actions: ['APPROVE_TRANSITION_REQUEST', 'REJECT_TRANSITION_REQUEST'],
    });
    s.gates.answer = { counted: false, whyNot: 'the gate is not escalated yet', failure: 'NotAuthorized' };
    expect(await answer('approve', version, 'Production', deputy)).toMatchObject({ status: 403 });
    s.gates.answer = { counted: true, missing: 0 };
    expect(await answer('approve', version, 'Production', deputy)).toMatchObject({ status: 200 });
  });

  it('is kept with the reason when it does not count, whoever refuses it; not while Temporal is away', async () => {
    const version = await s.t.register('delays');
    await ask(version, 'Production');
    await answer('approve', version, 'Production', GOVERNANCE, 'too early');
    await s.t.registry.recordGate({
      ...{ naturalKey: 'g', model: 'delays', version, gate: 'compliance', verdict: 'pass', summary: '', checks: [] },
      ...{ then: 'Staging', by: 'superstep' },
    });
    const { requestId } = await s.t.open('delays', version);
    await answer('approve', version, 'Production', SCIENTIST, 'mine is best');
    const stale = { name: 'delays', version, stage: 'Production', comment: 'saw it', archive_existing_versions: false };
    await s.call('POST', 'transition-requests/approve', { ...stale, evidence: 'f'.repeat(12) }, GOVERNANCE);
    s.gates.answer = { counted: false, whyNot: 'a comment is missing', failure: 'InvalidInput' };
    await answer('reject', version, 'Production', GOVERNANCE, '');
    const gates = s.gates as { decide: ModelServer['gates']['decide'] };
    gates.decide = () => Promise.reject(new SuperstepError('RegistryUnavailable', 'Temporal is away'));
    await answer('approve', version, 'Production', GOVERNANCE, 'later');
    const kept = await s.t.registry.decisions(requestId);
    expect(
      kept.map(({ approver, comment, counted, receivedVia }) => [approver, comment, counted, receivedVia]),
    ).toEqual([
      ['thirdOfficer', 'too early', false, 'rest'],
      ['scientist', 'mine is best', false, 'rest'],
      ['thirdOfficer', 'saw it', false, 'rest'],
      ['thirdOfficer', '', false, 'rest'],
    ]);
    expect(kept.map(({ whyNot }) => whyNot)).toEqual([
      expect.stringContaining('compliance phase'),
      expect.stringContaining('may not answer requests for Production'),
      expect.stringContaining('not on ffffffffffff'),
      expect.stringContaining('a comment is missing'),
    ]);
    const audited = (await s.t.registry.activityLog('delays')).filter(({ action }) => action === 'RECORDED_DECISION');
    expect(audited).toHaveLength(4);
  });

  it('is 404 where nothing waits', async () => {
    const version = await s.t.stage('delays');
    expect(await answer('approve', version, 'Production', GOVERNANCE)).toMatchObject({ status: 404 });
  });
});

describe('requests for other stages', () => {
  it('for Staging join the workflow, whose compliance gate answers them', async () => {
    const version = await s.t.register('delays');
    await ask(version, 'Staging');
    expect(s.gates.started).toHaveLength(1);
    expect(await answer('approve', version, 'Staging', STAGING)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('compliance gate') as string },
    });
    await s.t.registry.recordGate({
      ...{ naturalKey: 'g', model: 'delays', version, gate: 'compliance', verdict: 'pass', summary: 'ok', checks: [] },
      ...{ then: 'Staging', by: 'superstep' },
    });
    expect(await s.t.registry.transitionRequests('delays', version)).toMatchObject([
      { toStage: 'Staging', status: 'approved' },
    ]);
  });

  it('for Archived are answered by hand, by who manages Staging', async () => {
    const version = await s.t.stage('delays');
    await ask(version, 'Archived');
    expect(s.gates.started).toEqual([]);
    expect((await answer('approve', version, 'Archived', SCIENTIST)).status).toBe(403);
    expect((await answer('approve', version, 'Archived', STAGING)).body).toMatchObject({
      activity: { activity_type: 'APPROVED_REQUEST', from_stage: 'Staging', to_stage: 'Archived', user_id: 'sam' },
    });
    expect(await s.t.registry.getModelVersion('delays', version)).toMatchObject({ stage: 'Archived' });
    expect((await s.t.registry.transitionRequests('delays', version)).at(-1)).toMatchObject({
      status: 'approved',
      closedBy: 'sam',
    });
    await ask(version, 'None');
    expect((await answer('reject', version, 'None', STAGING, 'stays')).body).toMatchObject({
      activity: { activity_type: 'REJECTED_REQUEST' },
    });
    expect(await s.t.registry.getModelVersion('delays', version)).toMatchObject({ stage: 'Archived' });
    expect(await list(version)).toEqual([]);
  });

  it('for Archived of what is in Production are no side door', async () => {
    const version = await s.t.promoteNew('delays');
    await ask(version, 'Archived');
    const refused = await answer('approve', version, 'Archived', { name: 'm', roles: ['production-manager'] });
    expect(refused).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('rollBackModel') as string },
    });
    expect((await s.t.registry.productionVersion('delays'))?.version).toBe(version);
  });
});

describe('cancelling', () => {
  const cancel = (version: number, stage: string, creator: string, who: Who) =>
    s.call(
      'DELETE',
      'transition-requests/delete',
      { name: 'delays', version, stage, creator, comment: 'not now' },
      who,
    );

  it('is for the requester and for managers of the stage', async () => {
    const version = await s.t.stage('delays');
    await ask(version, 'Production');
    expect((await cancel(version, 'Production', 'scientist', STAGING)).status).toBe(403);
    expect((await cancel(version, 'Production', 'somebody', SCIENTIST)).status).toBe(404);
    expect((await cancel(version, 'Production', 'scientist', SCIENTIST)).body).toMatchObject({
      activity: { activity_type: 'CANCELLED_REQUEST', user_id: 'scientist' },
    });
    expect(await requests(version)).toMatchObject([
      { status: 'cancelled', closedBy: 'scientist', closingComment: 'not now' },
    ]);
  });

  it('closes an open gate, archives its version and wakes the workflow', async () => {
    const version = await s.t.stage('delays');
    await ask(version, 'Production');
    await s.t.open('delays', version);
    expect((await cancel(version, 'Production', 'scientist', SCIENTIST)).status).toBe(200);
    expect(await s.t.registry.getModelVersion('delays', version)).toMatchObject({ stage: 'Archived' });
    expect(s.gates.woken).toEqual([`promote-model/delays/${version}`]);
  });
});

describe('a wish that is taken back while its gate opens', () => {
  it('is told, and leaves the gate whole: the same call again closes it with its version', async () => {
    const { registry } = s.t;
    const version = await s.t.stage('delays');
    await ask(version, 'Production');
    const [read] = await registry.waitingRequests({ model: 'delays', version });
    const { digest } = await s.t.open('delays', version);
    const caller = createCaller({ name: 'scientist', proof: 'token', roles: ['contributor'] });
    const late = registry.withdrawAsked(read?.request as TransitionRequest, 'not now', {
      caller,
      directChanges: 'refused',
    });
    await expect(late).rejects.toMatchObject({ type: 'StaleDecision' });
    expect(await requests(version)).toMatchObject([{ status: 'open', evidenceDigest: digest }]);
    expect(await registry.getModelVersion('delays', version)).toMatchObject({ stage: 'Staging' });
  });
});

describe('comments', () => {
  it('are changed and removed by their author; the audit keeps what they said', async () => {
    const version = await s.t.register('delays');
    const scientist: Who = { name: 'scientist', roles: ['contributor'] };
    const lead: Who = { name: 'lead', roles: ['contributor'] };
    const made = await s.call('POST', 'comments/create', { name: 'delays', version, comment: 'odd' }, scientist);
    const { id } = made.body['comment'] as { id: string };
    expect(made.body).toMatchObject({
      comment: { comment: 'odd', user_id: 'scientist', available_actions: ['EDIT_COMMENT', 'DELETE_COMMENT'] },
    });
    expect((await s.call('PATCH', 'comments/update', { id, comment: 'fine' }, lead)).status).toBe(403);
    expect((await s.call('PATCH', 'comments/update', { id, comment: 'fine' }, scientist)).body).toMatchObject({
      comment: { comment: 'fine' },
    });
    expect((await s.call('DELETE', 'comments/delete', { id }, lead)).status).toBe(403);
    expect((await s.call('DELETE', 'comments/delete', { id }, scientist)).body).toEqual({});
    expect((await s.call('DELETE', 'comments/delete', { id }, scientist)).status).toBe(404);
    const said = (await s.t.registry.activityLog('delays')).filter((row) => row.action.endsWith('COMMENT'));
    expect(said.map((row) => [row.action, row.comment])).toEqual([
      ['NEW_COMMENT', 'odd'],
      ['EDITED_COMMENT', 'fine'],
      ['DELETED_COMMENT', 'fine'],
    ]);
    expect(
      (await s.call('POST', 'comments/create', { name: 'delays', version, comment: 'x'.repeat(65_536) }, scientist))
        .status,
    ).toBe(400);
  });
});

describe('Databricks’ own calls', () => {
  it('show model and version with what their SDK expects more', async () => {
    const version = await s.t.stage('delays');
    const model = await s.call('GET', 'databricks/registered-models/get', { name: 'delays' }, STAGING);
    expect(model.body).toMatchObject({
      registered_model_databricks: {
        name: 'delays',
        permission_level: 'CAN_MANAGE_STAGING_VERSIONS',
        id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      },
    });
    await ask(version, 'Production');
    const moved = await s.call(
      'POST',
      'databricks/model-versions/transition-stage',
      { name: 'delays', version, stage: 'None', archive_existing_versions: false, comment: 'again' },
      STAGING,
    );
    expect(moved.body).toMatchObject({
      model_version_databricks: {
        current_stage: 'None',
        open_requests: [{ to_stage: 'Production', user_id: 'scientist' }],
      },
    });
  });

  it('break the glass by a comment that says so, and by no other', async () => {
    const version = await s.t.stage('delays');
    const enter = (comment: string) =>
      s.call(
        'POST',
        'databricks/model-versions/transition-stage',
        { name: 'delays', version, stage: 'Production', comment },
        ROOT,
      );
    expect((await enter('as agreed')).status).toBe(403);
    expect((await enter('break-glass: the endpoint is down')).status).toBe(200);
    expect(await s.t.registry.productionHistory('delays')).toMatchObject([
      { enteredThrough: 'break-glass', reason: 'break-glass: the endpoint is down' },
    ]);
  });
});
