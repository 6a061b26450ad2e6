import type { CalibrationBin, EvidenceMetrics, FeatureImportance, SliceMetrics } from '../contracts/evidence.ts';
import type { Html } from './html.ts';
import { formatMetric, formatPercent } from './number-format.ts';
import { renderPlot, type LayerSpec, type PlotSize } from './svg-plot.ts';

// The colours are the page's own variables, so that one picture serves light, dark and print.
const CHALLENGER = 'var(--challenger)';
const REFERENCE = 'var(--reference)';
const GUIDE = 'var(--guide)';
const INK = 'var(--ink)';

const MAX_CURVE_POINTS = 200;

const SQUARE: PlotSize = { height: 350, padding: { left: 60, right: 14, top: 10, bottom: 48 } };

// Without a canvas Vega can only guess how wide a text is, and would push the title out of the picture.
const FIXED_EXTENT = { minExtent: 34, maxExtent: 34 };

/** ROC curves of challenger and reference over the same rows. */
export function rocPlot({ challenger, reference }: EvidenceMetrics, referenceName: string): Promise<Html> {
  const curve = (points: readonly (readonly [number, number])[]): LayerSpec => ({
    values: thin(points).map(([fpr, tpr], order) => ({ fpr, tpr, order })),
  });
  const ticks = { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] };
  const x = axis('fpr', 'False positive rate', [0, 1], ticks);
  const y = axis('tpr', 'True positive rate', [0, 1], { ...ticks, ...FIXED_EXTENT });
  const order = { field: 'order', type: 'quantitative' };
  const line = (points: readonly (readonly [number, number])[], mark: LayerSpec): LayerSpec => ({
    data: curve(points),
    mark: { type: 'line', strokeJoin: 'round', ...mark },
    encoding: { x, y, order },
  });
  const description =
    `ROC curves. Challenger: AUC ${formatMetric(challenger.auc.value)}. ` +
    `${referenceName}: AUC ${formatMetric(reference.metrics.auc.value)}.`;
  return renderPlot('roc', description, SQUARE, [
    line(DIAGONAL, { color: GUIDE, strokeWidth: 1, strokeDash: [3, 4] }),
    line(reference.metrics.roc, { color: REFERENCE, strokeWidth: 2, strokeDash: [6, 3] }),
    line(challenger.roc, { color: CHALLENGER, strokeWidth: 2.5 }),
  ]);
}

const DIAGONAL = [
  [0, 0],
  [1, 1],
] as const;

/** Observed against predicted rate by bin; the larger a dot, the more rows. */
export function calibrationPlot({ challenger, reference }: EvidenceMetrics, referenceName: string): Promise<Html> {
  const bins = [...challenger.calibration, ...reference.metrics.calibration];
  const top = Math.min(1, Math.max(0.1, ...bins.flatMap((bin) => [bin.predicted, bin.observed])) * 1.08);
  const x = axis('predicted', 'Predicted probability', [0, top], { format: '.0%', tickCount: 5 });
  const y = axis('observed', 'Observed rate', [0, top], { format: '.0%', tickCount: 5, ...FIXED_EXTENT });
  const largest = Math.max(1, ...bins.map((bin) => bin.count));
  const layers = (values: readonly CalibrationBin[], color: string, strokeDash: number[]): LayerSpec[] => [
    { data: { values }, mark: { type: 'line', color, strokeWidth: 1.75, strokeDash }, encoding: { x, y } },
    {
      data: { values },
      mark: { type: 'point', filled: true, color, opacity: 1, stroke: 'var(--card)', strokeWidth: 1.25 },
      encoding: {
        x,
        y,
        size: {
          field: 'count',
          type: 'quantitative',
          legend: null,
          scale: { domain: [0, largest], range: [24, 150], zero: true },
        },
      },
    },
  ];
  const diagonal = [0, top].map((rate) => ({ predicted: rate, observed: rate }));
  return renderPlot(
    'calibration',
    `Calibration: observed rate against predicted probability by bin, challenger (${challenger.calibration.length} ` +
      `bins) and ${referenceName} (${reference.metrics.calibration.length} bins); on the diagonal both are equal.`,
    SQUARE,
    [
      {
        data: { values: diagonal },
        mark: { type: 'line', color: GUIDE, strokeWidth: 1, strokeDash: [3, 4] },
        encoding: { x, y },
      },
      ...layers(reference.metrics.calibration, REFERENCE, [6, 3]),
      ...layers(challenger.calibration, CHALLENGER, [1, 0]),
    ],
  );
}

/** Bars of mean absolute SHAP values, in the order given. */
export function importancePlot(importance: readonly FeatureImportance[]): Promise<Html> {
  const values = importance.map(({ feature, meanAbsShap, share }, position) => ({
    position: `${position}`,
    feature: shorten(feature, 46),
    meanAbsShap,
    label: formatPercent(share),
  }));
  const largest = Math.max(1e-12, ...values.map((value) => value.meanAbsShap));
  const y = bands(values.map((value) => value.position));
  const x = { field: 'meanAbsShap', type: 'quantitative', axis: null, scale: { domain: [0, largest] } };
  const data = { values };
  const description = `Mean absolute SHAP value by feature: ${values.map((v) => `${v.feature} ${v.label}`).join(', ')}.`;
  const text = { type: 'text', align: 'left', fontSize: 13 };
  return renderPlot(
    'importance',
    description,
    { height: 16 + values.length * 38, padding: { left: 2, right: 62, top: 8, bottom: 8 } },
    [
      { data, mark: { type: 'bar', color: CHALLENGER, cornerRadiusEnd: 3, height: 9, yOffset: 9 }, encoding: { y, x } },
      {
        data,
        mark: { ...text, dx: 7, dy: 9.5, fontSize: 12.5, fill: 'var(--muted)' },
        encoding: { y, x, text: { field: 'label' } },
      },
      { data, mark: { ...text, dy: -6, fill: INK }, encoding: { y, x: { value: 0 }, text: { field: 'feature' } } },
    ],
  );
}

/** AUC with its interval by slice, in the order given; lines for the whole and for the floor. */
export function slicesPlot(slices: readonly SliceMetrics[], overall: number, floor: number | undefined): Promise<Html> {
  const values = slices.map(({ slice, auc }, position) => ({
    position: `${position}`,
    slice: shorten(slice, 17),
    ...auc,
  }));
  const y = bands(values.map((value) => value.position));
  const edges = [...values.flatMap((v) => [v.lower, v.upper]), overall, ...(floor === undefined ? [] : [floor])];
  const domain = padded(Math.min(...edges), Math.max(...edges), 0.06);
  const x = (field: string): LayerSpec => ({
    field,
    type: 'quantitative',
    scale: { domain, zero: false, nice: false },
    axis: { title: 'AUC', tickCount: 5, format: '.2f', grid: true },
  });
  const guide = (value: number, mark: LayerSpec): LayerSpec => ({
    data: { values: [{ value }] },
    mark: { type: 'rule', ...mark },
    encoding: { x: x('value') },
  });
  const description = `AUC by slice: ${values.map((v) => `${v.slice} ${formatMetric(v.value, 3)}`).join(', ')}.`;
  return renderPlot(
    'slices',
    description,
    { height: 54 + values.length * 27, padding: { left: 124, right: 16, top: 8, bottom: 48 } },
    [
      guide(overall, { color: GUIDE, strokeWidth: 1, strokeDash: [3, 4] }),
      ...(floor === undefined ? [] : [guide(floor, { color: 'var(--fail)', strokeWidth: 1.25 })]),
      {
        data: { values },
        mark: { type: 'rule', color: CHALLENGER, strokeWidth: 2.5, strokeCap: 'round', opacity: 0.45 },
        encoding: { y, x: x('lower'), x2: { field: 'upper' } },
      },
      {
        data: { values },
        mark: { type: 'point', filled: true, size: 52, color: CHALLENGER, opacity: 1 },
        encoding: { y, x: x('value') },
      },
      {
        data: { values },
        mark: { type: 'text', align: 'right', dx: -10, fontSize: 13, fill: INK },
        encoding: { y, x: { value: 0 }, text: { field: 'slice' } },
      },
    ],
  );
}

/** The paired difference with its interval, beside "no difference" and the margin. */
export function differencePlot({ difference, margin }: EvidenceMetrics): Promise<Html> {
  const { value, lower, upper } = difference;
  const domain = padded(Math.min(0, margin, lower), Math.max(0, margin, upper), 0.12);
  const x = (field: string): LayerSpec => ({
    field,
    type: 'quantitative',
    scale: { domain, zero: false, nice: false },
    axis: {
      title: 'AUC of challenger minus AUC of reference',
      tickCount: 3,
      labelExpr: "datum.value == 0 ? '0' : format(datum.value, '+.3~f')",
      grid: true,
    },
  });
  const y = (row: number): LayerSpec => ({ value: row });
  const data = { values: [{ value, lower, upper, zero: 0, margin, zeroLabel: 'equal', marginLabel: 'margin' }] };
  const label = (field: string, at: string, mark: LayerSpec): LayerSpec => ({
    data,
    mark: { type: 'text', fontSize: 12.5, baseline: 'bottom', ...mark },
    encoding: { x: x(at), y: y(-4), text: { field } },
  });
  // Zero and margin lie close together: their words grow away from each other.
  const marginRight = margin >= 0;
  return renderPlot(
    'difference',
    `Difference in AUC ${formatMetric(value)}, interval ${formatMetric(lower)} to ${formatMetric(upper)}, ` +
      `margin ${formatMetric(margin)}.`,
    { width: 310, height: 150, padding: { left: 16, right: 16, top: 28, bottom: 48 } },
    [
      { data, mark: { type: 'rule', color: INK, strokeWidth: 1.25 }, encoding: { x: x('zero') } },
      {
        data,
        mark: { type: 'rule', color: 'var(--pass)', strokeWidth: 1.25, strokeDash: [4, 3] },
        encoding: { x: x('margin') },
      },
      {
        data,
        mark: { type: 'rule', color: CHALLENGER, strokeWidth: 7, strokeCap: 'round', opacity: 0.4 },
        encoding: { x: x('lower'), x2: { field: 'upper' }, y: y(37) },
      },
      {
        data,
        mark: { type: 'point', filled: true, size: 150, color: CHALLENGER, opacity: 1 },
        encoding: { x: x('value'), y: y(37) },
      },
      label('zeroLabel', 'zero', { align: marginRight ? 'right' : 'left', dx: marginRight ? 2 : -2, fill: INK }),
      label('marginLabel', 'margin', { align: marginRight ? 'left' : 'right', dx: 0, fill: 'var(--pass)' }),
    ],
  );
}

function axis(field: string, title: string, domain: readonly number[], more: LayerSpec): LayerSpec {
  return { field, type: 'quantitative', scale: { domain, nice: false }, axis: { title, ...more } };
}

/** One band a row, in the order given: positions, not names, since two names may be equal. */
function bands(positions: readonly string[]): LayerSpec {
  return { field: 'position', type: 'nominal', sort: null, axis: null, scale: { domain: positions } };
}

/** Keeps both ends of a long name: prefixes and suffixes tell names apart. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const tail = Math.floor((length - 1) / 2);
  return `${text.slice(0, length - 1 - tail)}…${text.slice(-tail)}`;
}

function padded(low: number, high: number, share: number): [number, number] {
  const margin = Math.max((high - low) * share, 1e-4);
  return [low - margin, high + margin];
}

/** At most {@link MAX_CURVE_POINTS} points, first and last among them: more cannot be seen. */
function thin<Point>(points: readonly Point[]): Point[] {
  if (points.length <= MAX_CURVE_POINTS) return [...points];
  const step = (points.length - 1) / (MAX_CURVE_POINTS - 1);
  return Array.from({ length: MAX_CURVE_POINTS }, (_, i) => points[Math.round(i * step)] as Point);
}
