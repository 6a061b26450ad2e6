import { posix } from 'node:path';

/** Shown as text by MLflow's UI, whatever it is. */
const TEXT =
  /^(?:txt|log|err|cfg|conf|cnf|ini|properties|toml|ya?ml|xml|jsonl?|[cm]?[jt]sx?|py|r|java|sql|sh|csv|tsv|md|rst)$/;
const OTHERS: Readonly<Record<string, string>> = {
  html: 'text/html',
  css: 'text/css',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  svg: 'image/svg+xml',
  webp: 'image/webp',
  pdf: 'application/pdf',
  zip: 'application/zip',
  geojson: 'application/geo+json',
  mp4: 'video/mp4',
  wav: 'audio/x-wav',
  mp3: 'audio/mpeg',
};

/** The content type of a file by its name alone: what a sender said about it is never repeated. */
export function contentTypeOf(path: string): string {
  const name = posix.basename(path);
  const dot = name.lastIndexOf('.');
  // Names without an extension are MLmodel, LICENSE and the like.
  if (dot <= 0) return 'text/plain';
  const extension = name.slice(dot + 1).toLowerCase();
  if (TEXT.test(extension)) return 'text/plain';
  return Object.hasOwn(OTHERS, extension) ? (OTHERS[extension] ?? '') : 'application/octet-stream';
}

/** Makes browsers save a file instead of showing it as a page of this server; in ASCII, and the whole name beside it. */
export function attachmentOf(path: string): string {
  const name = posix.basename(path);
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  if (plain === name) return `attachment; filename="${name}"`;
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
