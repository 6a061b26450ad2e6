import { describe, expect, it } from 'vitest';
import { renderModelCard, type ModelCardFacts } from '../../console/model-card.ts';
import { sampleEvidence } from '../support/sample-evidence.ts';

function facts(changes: Partial<ModelCardFacts> = {}): ModelCardFacts {
  const { model, version, createdFrom, data, metrics, slices, params, importance } = sampleEvidence();
  return {
    model,
    version,
    project: 'flights-delay',
    description: 'Will a flight arrive more than 15 minutes late?',
    owner: 'flights-team',
    algorithm: 'gradient-boosted trees (LightGBM), served as ONNX',
    label: 'late',
    features: importance.map(({ feature }) => feature),
    sources: ['flights'],
    params,
    createdFrom,
    data,
    metrics: metrics.challenger,
    confidence: metrics.confidence,
    slices,
    ...changes,
  };
}

function without<T extends object, Key extends keyof T>(value: T, key: Key): Omit<T, Key> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) as Omit<T, Key>;
}

describe('renderModelCard', () => {
  it('has the sections of the model card toolkit, in order', () => {
    const headings = renderModelCard(facts()).match(/^#+ .*$/gm);
    expect(headings).toEqual([
      '# flights-delay, version 4',
      '## Model details',
      '## Model parameters',
      '### Data',
      '## Quantitative analysis',
      '### Slices: the 20 weakest of 23',
      '## Considerations',
      '### Intended use',
      '### Limitations',
    ]);
  });

  it('says owner, description, metrics per slice and the weakest slice', () => {
    const card = renderModelCard(facts());
    expect(card).toContain('- **Owner**: flights-team');
    expect(card).toContain('Will a flight arrive more than 15 minutes late?');
    expect(card).toContain('| AUC | 0.7441 |');
    expect(card).toMatch(/\| origin=SLC \| 3,590 \| 0\.641 \| 0\.617 to 0\.665 \|/);
    expect(card).toContain('It ranks worst on origin=SLC (AUC 0.641).');
    expect(card).toContain('learning_rate 0.1');
  });

  it('gives equal text for equal facts, and can do without version, slices and git', () => {
    expect(renderModelCard(facts())).toBe(renderModelCard(facts()));
    const unnumbered = without(facts(), 'version');
    const createdFrom = { ...unnumbered.createdFrom, commit: null, clean: null };
    const card = renderModelCard({ ...unnumbered, slices: [], createdFrom });
    expect(card).toMatch(/^# flights-delay\n/);
    expect(card).toContain('No slices were asked for.');
    expect(card).toContain('the project is not under git');
  });

  it('keeps a hostile text on its line', () => {
    const card = renderModelCard(facts({ owner: 'a | b\n# Approved\n- <script>' }));
    expect(card).toContain('- **Owner**: a \\| b # Approved - \\<script\\>\n');
  });
});
