import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { trustedHtml, type Html } from './html.ts';

/** All plots are drawn this wide and scaled by the page: text stays readable on a phone and never gets huge. */
const PLOT_WIDTH = 380;

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
    labelFontSize: 12.5,
    titleFontSize: 12.5,
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

export interface PlotSize {
  readonly width?: number;
  readonly height: number;
  readonly padding: Padding;
}

/** A layer of a Vega-Lite plot. */
export type LayerSpec = Record<string, unknown>;

/**
 * Renders layers to one SVG with a description. `name` is unique in the page: ids begin with it. Equal input gives equal
 * bytes.
 */
export async function renderPlot(
  name: string,
  description: string,
  { width = PLOT_WIDTH, height, padding }: PlotSize,
  layer: readonly LayerSpec[],
): Promise<Html> {
  const spec = {
    width: width - padding.left - padding.right,
    height: height - padding.top - padding.bottom,
    padding,
    autosize: 'none',
    config: CONFIG,
    layer,
  };
  const compiled = compile(spec as unknown as TopLevelSpec, { logger: QUIET }).spec;
  const view = new View(parse(compiled), { renderer: 'none', logger: QUIET });
  try {
    const svg = await view.toSVG();
    return trustedHtml(ownIds(svg, name).replace(/^<svg[^>]*>/, openTag(description, width, height)));
  } finally {
    view.finalize();
  }
}

/** Vega counts its ids through the life of the process: count them anew, or the bytes depend on what came before. */
function ownIds(svg: string, name: string): string {
  const names = new Map<string, string>();
  return svg.replace(/( id="|url\(#)([a-z_]+\d+)(?="|\))/g, (_match, before: string, id: string) => {
    if (!names.has(id)) names.set(id, `${name}-${names.size}`);
    return `${before}${names.get(id) ?? id}`;
  });
}

/** A root of our own: a picture with one description, scaled by its box. Its size is in `viewBox`. */
function openTag(description: string, width: number, height: number): string {
  const label = description.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${label}" ` +
    `viewBox="0 0 ${width} ${height}" class="plot">`
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
