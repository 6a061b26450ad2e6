import { describe, expect, it } from 'vitest';
import { monitorSchema } from '../../contracts/schemas/project.ts';
import { decideAction, parseBudget, type ActionEvidence } from '../../monitoring/retrain-policy.ts';

const NEVER = monitorSchema.parse({ window: '7d', retrain: { when: 'never' } });

function evidence(changes: Partial<ActionEvidence> = {}): ActionEvidence {
  return {
    verdict: 'degraded',
    dataQuality: { refusedShare: 0.05, stopped: false },
    policy: monitorSchema.parse({ window: '7d' }),
    currentProduction: 3,
    windowVersion: 3,
    ...changes,
  };
}

describe('decideAction', () => {
  it('retrains when quality fell', () => {
    expect(decideAction(evidence()).action).toBe('retrain');
  });

  it('only alerts on drift alone', () => {
    expect(decideAction(evidence({ verdict: 'drifted' })).action).toBe('alert');
  });

  it.each(['healthy', 'insufficient-data'] as const)('does nothing on %s', (verdict) => {
    expect(decideAction(evidence({ verdict }))).toEqual({ action: 'none', reasons: [] });
  });

  it.each(['healthy', 'drifted', 'degraded', 'insufficient-data'] as const)(
    'alerts on broken data, whatever the verdict (%s)',
    (verdict) => {
      const refused = decideAction(evidence({ verdict, dataQuality: { refusedShare: 0.0501, stopped: false } }));
      expect(refused.action).toBe('alert');
      expect(refused.reasons[0]).toMatch(/refused 5.0 % .*nothing is retrained/);
      const stopped = decideAction(evidence({ verdict, dataQuality: { refusedShare: 0, stopped: true } }));
      expect(stopped.action).toBe('alert');
    },
  );

  it.each([
    ['replaced', { windowVersion: 2 }, /version 2, and Production is version 3/],
    ['one of several', { windowVersion: null }, /more than one version/],
    ['taken out', { currentProduction: null }, /there is no Production/],
    ['gone, and so is its successor', { windowVersion: null, currentProduction: null }, /there is no Production/],
  ])('does not retrain for a version that was %s', (_, changes, reason) => {
    const { action, reasons } = decideAction(evidence(changes));
    expect(action).toBe('alert');
    expect(reasons[0]).toMatch(reason);
  });

  it('only alerts where the policy never retrains', () => {
    expect(decideAction(evidence({ policy: NEVER })).action).toBe('alert');
  });
});

describe('parseBudget', () => {
  it('reads a count and a span', () => {
    expect(parseBudget('2 per 30d')).toEqual({ count: 2, perMs: 30 * 86_400_000 });
    expect(parseBudget('1 per 12h')).toEqual({ count: 1, perMs: 12 * 3_600_000 });
  });

  it.each(['2 per month', '0 per 30d', '2per30d', ''])('refuses "%s"', (text) => {
    expect(() => parseBudget(text)).toThrow(/no retraining budget.*"2 per 30d"/);
  });
});
