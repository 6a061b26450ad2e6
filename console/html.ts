/** Text that is HTML already: nothing but {@link html} and {@link trustedHtml} makes it. */
export interface Html {
  readonly html: string;
}

export type HtmlPart = Html | string | number | null | undefined | false | readonly HtmlPart[];

/**
 * A template whose values are escaped unless they are {@link Html} themselves, so that a hostile text can never become
 * markup by somebody's forgetting. Lists are joined; null, undefined and false are left out.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlPart[]): Html {
  return { html: strings.reduce((page, text, i) => page + partToHtml(values[i - 1]) + text) };
}

/** Takes markup that a renderer of ours made (an SVG, a style sheet) as it is. */
export function trustedHtml(markup: string): Html {
  return { html: markup };
}

/** Escapes text for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function partToHtml(part: HtmlPart): string {
  if (part === null || part === undefined || part === false) return '';
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return 'html' in part ? part.html : part.map(partToHtml).join('');
}
