import { html, trustedHtml, type Html } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';

/** A whole document that needs nothing from elsewhere: the style is inside, there is no script. */
export function renderPage(title: string, body: Html): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${trustedHtml(PAGE_STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`;
  return `${page.html.trim()}\n`;
}
