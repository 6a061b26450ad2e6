import type { CandidateEvidence } from '../../../contracts/evidence.ts';
import { sha256Hex } from '../../canonical-json.ts';
import type { EvaluationRun } from './evaluation.ts';
import type { VersionOrigin } from './provenance.ts';

export interface BomSubject extends VersionOrigin {
  readonly description: string;
  readonly owner: string;
  /** Of the run that trained it, or that judged what a client brought. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The run that judged what a client brought. */
  readonly evaluation?: EvaluationRun;
  /** What the last gate looked at; undefined for a version that came to none. */
  readonly evidence: CandidateEvidence | undefined;
  /** ISO instant of the pack. */
  readonly at: string;
}

/** A bill of materials of a model version, CycloneDX 1.6: the model with its card, the data it learnt from, its files. */
export function mlBom(subject: BomSubject) {
  const { environment, model, version, onnx, at } = subject;
  const modelRef = `model/${model}@${version}`;
  const data = dataComponents(subject);
  const files = fileComponents(subject);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`${environment}/${modelRef}/${onnx?.sha256 ?? ''}/${at}`)}`,
    version: 1,
    metadata: {
      timestamp: at,
      tools: { components: [{ type: 'application', name: 'superstep' }] },
      component: {
        type: 'machine-learning-model',
        'bom-ref': `subject/${modelRef}`,
        name: model,
        version: String(version),
      },
    },
    components: [modelComponent(subject, modelRef, data), ...data, ...files],
    dependencies: [
      { ref: modelRef, dependsOn: [...data, ...files].map((component) => component['bom-ref']) },
      ...[...data, ...files].map((component) => ({ ref: component['bom-ref'] })),
    ],
  };
}

interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly [field: string]: unknown;
}

function modelComponent(subject: BomSubject, ref: string, data: readonly Component[]): Component {
  const { model, version, description, owner, onnx } = subject;
  return {
    type: 'machine-learning-model',
    'bom-ref': ref,
    name: model,
    version: String(version),
    ...(description === '' ? {} : { description }),
    ...(owner === '' ? {} : { supplier: { name: owner } }),
    ...(onnx === null ? {} : { hashes: hashes(onnx.sha256) }),
    modelCard: {
      'bom-ref': `${ref}/card`,
      modelParameters: {
        // Of a version that was not trained here nothing more is known.
        ...(subject.inputs['pinned'] === undefined
          ? {}
          : { approach: { type: 'supervised' }, task: 'binary classification' }),
        datasets: data.map((component) => ({ ref: component['bom-ref'] })),
        outputs: [{ format: 'probability' }],
      },
      quantitativeAnalysis: { performanceMetrics: performanceMetrics(subject) },
    },
    properties: Object.entries(subject.params).map(([name, value]) => ({ name: `superstep:param:${name}`, value })),
  };
}

function performanceMetrics({ metrics, evidence }: BomSubject) {
  const ofRun = Object.entries(metrics).map(([type, value]) => ({ type, value: String(value) }));
  if (evidence === undefined) return ofRun;
  const estimate = (type: string, e: { readonly value: number; readonly lower: number; readonly upper: number }) => ({
    type,
    value: String(e.value),
    confidenceInterval: { lowerBound: String(e.lower), upperBound: String(e.upper) },
  });
  const { challenger, difference } = evidence.metrics;
  return [
    ...ofRun,
    estimate('auc on held-out rows', challenger.auc),
    estimate('auc gained over the reference', difference),
    ...evidence.slices.map(({ slice, auc }) => ({ ...estimate('auc on held-out rows', auc), slice })),
  ];
}

/** Data sets among the inputs: what carries rows and a file. Which rows a client trained on is not known. */
function dataComponents({ inputs, model, evaluation }: BomSubject): Component[] {
  const name = evaluation === undefined ? `training rows of ${model}` : `rows that judged ${model}`;
  const dataset = (evaluation?.inputs ?? inputs)['dataset'] as
    | {
        readonly data?: { readonly sha256: string };
        readonly rows?: number;
        readonly from?: string;
        readonly until?: string;
        readonly snapshot?: number;
      }
    | undefined;
  if (dataset?.data === undefined) return [];
  const { data, rows, from, until, snapshot } = dataset;
  const window = `${rows ?? 'unknown'} rows of ${from ?? '?'} to ${until ?? '?'}, snapshot ${snapshot ?? '?'} of the lake`;
  return [
    {
      type: 'data',
      'bom-ref': `data/${data.sha256}`,
      name,
      version: String(snapshot ?? ''),
      description: window,
      hashes: hashes(data.sha256),
      data: [{ type: 'dataset', name, description: window }],
    },
  ];
}

function fileComponents({ artifacts, onnx, evaluation }: BomSubject): Component[] {
  const judged = Object.entries(evaluation?.artifacts ?? {}).map(
    ([name, file]) => [`evaluation/${name}`, file] as const,
  );
  return [...Object.entries(artifacts), ...judged]
    .filter(([, { sha256 }]) => sha256 !== onnx?.sha256)
    .map(([name, { sha256 }]) => ({ type: 'file', 'bom-ref': `file/${name}`, name, hashes: hashes(sha256) }));
}

function hashes(sha256: string) {
  return [{ alg: 'SHA-256', content: sha256 }];
}

/** A UUID that follows from a text: the same pack bears the same number. */
function uuidOf(text: string): string {
  const hex = sha256Hex(text);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
