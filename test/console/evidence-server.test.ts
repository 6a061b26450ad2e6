import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEvidenceServer } from '../../console/evidence-server.ts';

const PAGE = '<!doctype html>\n<html lang="en"><title>Evidence</title></html>\n';

let folder: string;
let server: FastifyInstance;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evidence-'));
  server = createEvidenceServer({
    stores: { prod: (sha256) => join(folder, sha256) },
    links: [{ title: 'Temporal & co', href: 'http://127.0.0.1:8233' }],
  });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function store(content: string, name = createHash('sha256').update(content).digest('hex')): string {
  writeFileSync(join(folder, name), content);
  return name;
}

describe('createEvidenceServer', () => {
  it('serves a page by its digest, unable to load or run anything', async () => {
    const response = await server.inject({ url: `/prod/evidence/${store(PAGE)}` });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe(PAGE);
    expect(response.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src 'unsafe-inline'; img-src data:;/,
      ) as string,
    });
  });

  it('refuses bytes that are not what they were', async () => {
    const name = store(PAGE.replace('Evidence', 'Approved'), createHash('sha256').update(PAGE).digest('hex'));
    const response = await server.inject({ url: `/prod/evidence/${name}` });
    expect(response.statusCode).toBe(409);
    expect(response.body).toContain(name);
    expect(response.body).not.toContain('<title>Approved');
    expect(response.headers['cache-control']).toBeUndefined();
  });

  it.each([
    ['an unknown digest', `/prod/evidence/${'0'.repeat(64)}`, 'has no file'],
    ['no digest', '/prod/evidence/latest', 'Expected 64 lower-case hex digits'],
    ['a path', '/prod/evidence/..%2F..%2Fetc%2Fpasswd', 'Expected 64 lower-case hex digits'],
    ['an unknown environment', `/test/evidence/${'0'.repeat(64)}`, 'Expected one of prod'],
    ['a name that every object has', `/constructor/evidence/${'0'.repeat(64)}`, 'Expected one of prod'],
    ['another path', '/prod', 'No such page'],
  ])('answers 404 for %s', async (_what, url, text) => {
    const response = await server.inject({ url });
    expect(response.statusCode).toBe(404);
    expect(response.body).toContain(text);
    expect(response.headers['content-type']).toContain('text/html');
  });

  it('does not show another artifact as a page', async () => {
    const response = await server.inject({ url: `/prod/evidence/${store('<script>alert(1)</script>')}` });
    expect(response.statusCode).toBe(404);
    expect(response.body).toContain('is not a page');
  });

  it('never puts a text of the address into the page as markup', async () => {
    const response = await server.inject({ url: `/prod/evidence/${encodeURIComponent('<script>alert(1)</script>')}` });
    expect(response.body).not.toContain('<script');
  });

  it('has an index with links', async () => {
    const response = await server.inject({ url: '/' });
    expect(response.statusCode).toBe(200);
    expect(response.body).toContain('<a href="http://127.0.0.1:8233">Temporal &#38; co</a>');
  });
});
