import { describe, expect, it } from 'vitest';
import { evaluationStatement } from '../../../../registry/audit/pack/evaluation.ts';
import { mlBom } from '../../../../registry/audit/pack/ml-bom.ts';
import { provenanceStatement } from '../../../../registry/audit/pack/provenance.ts';
import { EVALUATION, STRANGER, SUBJECT } from './sample-subject.ts';

/** Fields that CycloneDX 1.6 knows of a component; the published schema refuses others. Both samples validate against it. */
const COMPONENT_FIELDS = [
  'type',
  'bom-ref',
  'supplier',
  'name',
  'version',
  'description',
  'hashes',
  'modelCard',
  'data',
  'properties',
];

describe('the bill of materials', () => {
  it('is CycloneDX 1.6 with the model, its card, its data and its files', () => {
    const bom = mlBom(SUBJECT);
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
    expect(bom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    expect(bom.components.map(({ type }) => type)).toEqual(['machine-learning-model', 'data', 'file']);
    const [model, data] = bom.components;
    expect(model).toMatchObject({
      name: 'flights-delay',
      version: '4',
      hashes: [{ alg: 'SHA-256', content: SUBJECT.onnx?.sha256 }],
      modelCard: { modelParameters: { task: 'binary classification', datasets: [{ ref: data?.['bom-ref'] }] } },
    });
    const metrics = (
      model?.['modelCard'] as { quantitativeAnalysis: { performanceMetrics: { type: string; value: string }[] } }
    ).quantitativeAnalysis.performanceMetrics;
    expect(metrics[0]).toEqual({ type: 'auc', value: '0.744' });
    expect(metrics.length).toBe(3 + (SUBJECT.evidence?.slices.length ?? 0));
  });

  it('keeps to what the schema knows, and names every component once', () => {
    for (const bom of [mlBom(SUBJECT), mlBom(STRANGER), mlBom({ ...STRANGER, evaluation: EVALUATION })]) {
      for (const component of bom.components) {
        for (const field of Object.keys(component)) expect(COMPONENT_FIELDS).toContain(field);
      }
      const refs = bom.components.map((component) => component['bom-ref']);
      expect(new Set(refs).size).toBe(refs.length);
      expect(bom.dependencies.map(({ ref }) => ref)).toEqual(refs);
    }
  });

  it('bears the same number for the same pack, and another for another', () => {
    expect(mlBom(SUBJECT)).toEqual(mlBom(SUBJECT));
    expect(mlBom({ ...SUBJECT, version: 5 }).serialNumber).not.toBe(mlBom(SUBJECT).serialNumber);
  });
});

describe('the evaluation of what a client brought', () => {
  const brought = { ...STRANGER, onnx: SUBJECT.onnx };

  it('is a statement about the file: on which rows, by which project and policy, with which figures', () => {
    const { subject, predicate } = evaluationStatement(brought, EVALUATION);
    expect(subject).toEqual([{ name: 'flights-delay/4/model.onnx', digest: { sha256: 'a'.repeat(64) } }]);
    expect(predicate).toMatchObject({
      evaluator: { id: 'urn:superstep:environment:prod' },
      run: { id: 'run-2', workflowId: 'promote-model/flights-delay/4' },
      metrics: { auc: 0.741 },
      files: [{ name: 'evaluation.json', digest: { sha256: '9'.repeat(64) } }],
    });
    expect(predicate.resolvedDependencies.map(({ name }) => name)).toEqual([
      ...['project', 'policy', 'source', 'pinned.bundle', 'dataset.data'],
    ]);
  });

  it('is what the bill of materials knows of its rows, which are not said to have trained it', () => {
    const bom = mlBom({ ...brought, evaluation: EVALUATION, metrics: EVALUATION.metrics });
    expect(bom.components.map(({ type, name }) => [type, name])).toEqual([
      ['machine-learning-model', 'flights-delay'],
      ['data', 'rows that judged flights-delay'],
      ['file', 'evaluation/evaluation.json'],
    ]);
    expect(JSON.stringify(bom)).not.toContain('training rows');
  });
});

describe('the provenance', () => {
  it('is an in-toto statement in the shape of SLSA v1', () => {
    const sha = (digit: string): { sha256: string } => ({ sha256: digit.repeat(64) });
    expect(provenanceStatement(SUBJECT)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'flights-delay/4/model.onnx', digest: sha('a') }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: expect.stringMatching(/^urn:/) as string,
          externalParameters: { project: 'flights-delay', params: { num_leaves: '31' } },
          internalParameters: SUBJECT.inputs,
          resolvedDependencies: [
            { name: 'project', digest: sha('b') },
            { name: 'policy', digest: sha('c') },
            { name: 'source', digest: { gitCommit: '1'.repeat(40) } },
            { name: 'pinned.bundle', uri: `artifact:sha256/${'d'.repeat(64)}`, digest: sha('d') },
            { name: 'dataset.data', uri: `artifact:sha256/${'e'.repeat(64)}`, digest: sha('e') },
          ],
        },
        runDetails: {
          builder: { id: 'urn:superstep:environment:prod' },
          metadata: {
            invocationId: 'train-model/flights-delay/1',
            startedOn: '2001-05-01T00:00:00.000Z',
            finishedOn: '2001-05-01T00:01:00.000Z',
          },
          byproducts: [{ name: 'model-card.md', digest: sha('f') }],
        },
      },
    });
  });

  it('claims nothing about how a client’s file was built but what the client said', () => {
    const client = { ...required(STRANGER.client), commit: 'c0ffee' };
    const { predicate } = provenanceStatement({ ...SUBJECT, inputs: {}, client, workflowId: null });
    expect(predicate.buildDefinition).toEqual({
      buildType: 'urn:superstep:registered-by-client:v1',
      externalParameters: {
        source: 's3://elsewhere/model',
        runId: null,
        registeredBy: 'scientist',
        proof: 'token',
        registeredAt: '2001-05-01T00:00:00.000Z',
        params: SUBJECT.params,
      },
      internalParameters: {},
      resolvedDependencies: [{ name: 'source, as the client says', digest: { gitCommit: 'c0ffee' } }],
    });
    expect(predicate.runDetails.builder.id).toBe('urn:superstep:builder:unknown');
    expect(predicate.runDetails.metadata.invocationId).toBe('run-1');
    expect(JSON.stringify(predicate)).not.toContain('train-model');
  });

  it('says of a version without a file that there is nothing to say', () => {
    expect(provenanceStatement(STRANGER)).toMatchObject({
      subject: [],
      predicate: {
        buildDefinition: { resolvedDependencies: [] },
        runDetails: { metadata: { invocationId: 'unknown' } },
      },
    });
  });
});

function required<T>(value: T | null): T {
  if (value === null) throw new Error('expected a value');
  return value;
}
