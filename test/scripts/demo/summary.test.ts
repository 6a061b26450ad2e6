import { describe, expect, it } from 'vitest';
import { picture, summarize } from '../../../scripts/demo/summary.ts';
import type { TimeLapse } from '../../../scripts/demo/time-lapse.ts';

describe('picture', () => {
  it('draws the lowest and the highest value, and a dot where there is none', () => {
    expect(picture('late', [0.1, null, 0.2])).toBe('  late ▁·█  0.100 to 0.200');
  });

  it('draws equal values alike, and says when there are none', () => {
    expect(picture('AUC', [0.7, 0.7])).toBe('  AUC  ▁▁  0.700 to 0.700');
    expect(picture('AUC', [null])).toBe('  AUC: no values');
  });
});

describe('summarize', () => {
  it('has a row for each week and says what became of each candidate, on which evidence', () => {
    const text = summarize(story, { setUp: 20_000, firstGate: 50_000, story: 65_000 }, (id) => `http://ui/${id}`);
    expect(text).toContain('2001-03-01  120      25.0 %  0.740 (0.710-0.770)  0.770     0.40     drifted  alert   v1');
    expect(text).toContain('version 1: promoted. Why it was trained: first model');
    expect(text).toContain('comparison: pass. a gain');
    expect(text).toContain('governance (claimed): approve, counted. "good"');
    expect(text).toContain('endpoint: version none before, 1 after');
    expect(text).toContain('http://ui/train-to-deploy/flights/1');
    expect(text).toContain(
      'Told in 1 min 05 s, after 20 s of set-up and start; the first gate waited 50 s after the start.',
    );
  });
});

const week = { from: '2001-03-01T00:00:00.000Z', until: '2001-03-08T00:00:00.000Z', asOf: '2001-03-08T12:00:00.000Z' };
const estimate = { value: 0.74, lower: 0.71, upper: 0.77 };
const version = { model: 'flights', version: 1 };

const story: TimeLapse = {
  weeks: [
    {
      week,
      scored: { ...version, outcome: 'scored', from: week.from, until: week.until, rows: 120, table: 't', snapshot: 2 },
      monitor: {
        outcome: 'drifted',
        action: 'alert',
        reasons: [],
        retraining: null,
        window: {
          ...version,
          from: week.from,
          until: week.until,
          rows: 120,
          labelledShare: 1,
          labelMean: 0.25,
          quality: estimate,
          baselineQuality: { ...estimate, value: 0.77 },
          driftScore: 0.4,
          driftedColumns: ['hour'],
        },
      },
    },
  ],
  supersteps: [
    {
      id: 'train-to-deploy/flights/1',
      asOf: week.from,
      why: 'first model',
      before: undefined,
      after: { version: '1', probability: 0.6 },
      waitedFrom: week.from,
      result: {
        outcome: 'promoted',
        refresh: null,
        training: {
          ...version,
          outcome: 'registered',
          runId: 'r',
          snapshot: 2,
          onnx: { uri: 'artifact:sha256/a', sha256: 'a', bytes: 1 },
          metrics: {},
        },
        promotion: {
          ...version,
          outcome: 'promoted',
          previousVersion: null,
          gates: [{ gate: 'comparison', verdict: 'pass', checks: [], summary: 'a gain' }],
          evidenceDigest: 'd',
          decisions: [{ approver: 'governance', decision: 'approve', comment: 'good', counted: true, via: 'update' }],
          steps: [],
        },
      },
    },
  ],
};
