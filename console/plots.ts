import { parse, View, type Spec } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { CalibrationBin, EvidenceMetrics, FeatureImportance, SliceMetrics } from '../contracts/evidence.ts';
import { trustedHtml, type Html } from './html.ts';
import { formatMetric, formatPercent } from './number-format.ts';

// The colours are the page's own variables, so that one picture serves light, dark and print.
const CHALLENGER = 'var(--challenger)';
const REFERENCE = 'var(--reference)';
const GUIDE = 'var(--guide)';
const INK = 'var(--ink)';

/** All plots are drawn this wide and scaled by the page: text stays readable on a phone and never gets huge. */
const PLOT_WIDTH = 420;
const MAX_CURVE_POINTS = 200;

const CONFIG = {
  aria: false,
  background: null,
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: 'var(--muted)',
    titleColor: 'var(--muted)',
    gridColor: 'var(--grid)',
    domain: false,
    ticks: false,
    labelFontSize: 11.5,
    titleFontSize: 11.5,
    titleFontWeight: 'normal',
    labelPadding: 6,
    titlePadding: 10,
  },
} as const;

interface Padding {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type LayerSpec = Record<string, unknown>;

/** Renders layers to one SVG with a description; equal input gives equal bytes. */
async function renderPlot(
  description: string,
  height: number,
  padding: Padding,
  layer: readonly LayerSpec[],
): Promise<Html> {
  const spec = {
    width: PLOT_WIDTH - padding.left - padding.right,
    height: height - padding.top - padding.bottom,
    padding,
    autosize: 'none',
    config: CONFIG,
    layer,
  };
  const compiled = compile(spec as unknown as TopLevelSpec, { logger: QUIET }).spec as Spec;
  const view = new View(parse(compiled), { renderer: 'none', logger: QUIET });
  try {
    const svg = await view.toSVG();
    return trustedHtml(svg.replace(/^<svg[^>]*>/, openTag(description, height)));
  } finally {
    view.finalize();
  }
}

/** A root of our own: a picture with one description, scaled by its box. Its size is in `viewBox`. */
function openTag(description: string, height: number): string {
  const label = description.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" ` +
    `viewBox="0 0 ${PLOT_WIDTH} ${height}" class="plot">`
  );
}

// Vega warns about empty domains and the like on the console; a page is no place to read it.
const QUIET = {
  level: () => QUIET,
  error: () => QUIET,
  warn: () => QUIET,
  info: () => QUIET,
  debug: () => QUIET,
} as never;

const SQUARE_PADDING: Padding = { left: 52, right: 14, top: 10, bottom: 46 };

/** ROC curves of challenger and reference over the same rows. */
export function rocPlot({ challenger, reference }: EvidenceMetrics, referenceName: string): Promise<Html> {
  const curve = (points: readonly (readonly [number, number])[]): LayerSpec => ({
    values: thin(points).map(([fpr, tpr], order) => ({ fpr, tpr, order })),
  });
  const x = axis('fpr', 'False positive rate', [0, 1], { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] });
  const y = axis('tpr', 'True positive rate', [0, 1], { format: '.0%', values: [0, 0.25, 0.5, 0.75, 1] });
  const order = { field: 'order', type: 'quantitative' };
  const line = (points: readonly (readonly [number, number])[], mark: LayerSpec): LayerSpec => ({
    data: curve(points),
    mark: { type: 'line', strokeJoin: 'round', ...mark },
    encoding: { x, y, order },
  });
  const description =
    `ROC curves. Challenger: AUC ${formatMetric(challenger.auc.value)}. ` +
    `${referenceName}: AUC ${formatMetric(reference.metrics.auc.value)}.`;
  return renderPlot(description, 380, SQUARE_PADDING, [
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
  const y = axis('observed', 'Observed rate', [0, top], { format: '.0%', tickCount: 5 });
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
    `Calibration: observed rate against predicted probability by bin, challenger (${challenger.calibration.length} ` +
      `bins) and ${referenceName} (${reference.metrics.calibration.length} bins); on the diagonal both are equal.`,
    380,
    SQUARE_PADDING,
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
    feature,
    meanAbsShap,
    label: formatPercent(share),
  }));
  const largest = Math.max(1e-12, ...values.map((value) => value.meanAbsShap));
  const y = bands(values.map((value) => value.position));
  const x = { field: 'meanAbsShap', type: 'quantitative', axis: null, scale: { domain: [0, largest] } };
  const description = `Mean absolute SHAP value by feature: ${values.map((v) => `${v.feature} ${v.label}`).join(', ')}.`;
  return renderPlot(description, 16 + values.length * 26, { left: 160, right: 58, top: 8, bottom: 8 }, [
    {
      data: { values },
      mark: { type: 'bar', color: CHALLENGER, cornerRadiusEnd: 3, height: 14 },
      encoding: { y, x },
    },
    {
      data: { values },
      mark: { type: 'text', align: 'left', dx: 7, fontSize: 11.5, fill: 'var(--muted)' },
      encoding: { y, x, text: { field: 'label' } },
    },
    rowLabels(values, 'feature', y),
  ]);
}

/** AUC with its interval by slice, in the order given; lines for the whole and for the floor. */
export function slicesPlot(slices: readonly SliceMetrics[], overall: number, floor: number | undefined): Promise<Html> {
  const values = slices.map(({ slice, auc }, position) => ({ position: `${position}`, slice, ...auc }));
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
  return renderPlot(description, 54 + values.length * 22, { left: 130, right: 16, top: 8, bottom: 46 }, [
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
    rowLabels(values, 'slice', y),
  ]);
}

/** The paired difference with its interval, beside "no difference" and the margin. */
export function differencePlot({ difference, margin }: EvidenceMetrics): Promise<Html> {
  const { value, lower, upper } = difference;
  const domain = padded(Math.min(0, margin, lower), Math.max(0, margin, upper), 0.12);
  const x = (field: string): LayerSpec => ({
    field,
    type: 'quantitative',
    scale: { domain, zero: false, nice: false },
    axis: { title: 'AUC of challenger minus AUC of reference', tickCount: 5, format: '+.3~f', grid: true },
  });
  const y = (row: number): LayerSpec => ({ value: row });
  const data = { values: [{ value, lower, upper, zero: 0, margin, zeroLabel: 'equal', marginLabel: 'margin' }] };
  const label = (field: string, at: string, mark: LayerSpec): LayerSpec => ({
    data,
    mark: { type: 'text', fontSize: 11.5, baseline: 'bottom', ...mark },
    encoding: { x: x(at), y: y(-4), text: { field } },
  });
  // Zero and margin lie close together: their words grow away from each other.
  const marginRight = margin >= 0;
  return renderPlot(
    `Difference in AUC ${formatMetric(value)}, interval ${formatMetric(lower)} to ${formatMetric(upper)}, ` +
      `margin ${formatMetric(margin)}.`,
    118,
    { left: 16, right: 16, top: 26, bottom: 46 },
    [
      { data, mark: { type: 'rule', color: INK, strokeWidth: 1.25 }, encoding: { x: x('zero') } },
      {
        data,
        mark: { type: 'rule', color: 'var(--pass)', strokeWidth: 1.25, strokeDash: [4, 3] },
        encoding: { x: x('margin') },
      },
      {
        data,
        mark: { type: 'rule', color: CHALLENGER, strokeWidth: 6, strokeCap: 'round', opacity: 0.4 },
        encoding: { x: x('lower'), x2: { field: 'upper' }, y: y(24) },
      },
      {
        data,
        mark: { type: 'point', filled: true, size: 120, color: CHALLENGER, opacity: 1 },
        encoding: { x: x('value'), y: y(24) },
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

function rowLabels(values: readonly LayerSpec[], field: string, y: LayerSpec): LayerSpec {
  return {
    data: { values },
    mark: { type: 'text', align: 'right', dx: -8, fontSize: 12, limit: 148, fill: INK },
    encoding: { y, x: { value: 0 }, text: { field } },
  };
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
