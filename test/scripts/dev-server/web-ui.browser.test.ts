import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../../../scripts/dev-server/ports.ts';
import { readDevConfig } from '../../../scripts/dev-server/read-dev-config.ts';
import { type DevServer, startDevServer } from '../../../scripts/dev-server/start-dev-server.ts';
import { launchChromium } from '../../support/chromium.ts';
import { nativeParts } from '../../support/native-parts.ts';

const { temporalCli } = nativeParts();
/** A foreign name whose owner has it point here: what DNS rebinding comes to. */
const FOREIGN = 'rebound.example';

describe("Temporal's Web UI in a browser", () => {
  let home: string;
  let server: DevServer;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  const cli = async (...args: string[]): Promise<string> => {
    const run = promisify(execFile)(temporalCli, [...args, '-n', 'prod', '--address', server.address]);
    return (await run).stdout;
  };
  const begin = async (id: string): Promise<string> => {
    await cli('workflow', 'start', '--type', 'promoteModel', '--task-queue', 'nobody', '-w', id);
    return id;
  };
  const under = (name: string): string => server.uiUrl.replace('127.0.0.1', name);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'superstep-test-'));
    const [config, ports] = await Promise.all([readDevConfig(), freePorts()]);
    server = await startDevServer({ cli: temporalCli, home, ports, config, report: () => undefined });
    browser = await launchChromium([`--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`]);
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });

  it.each(['127.0.0.1', 'localhost'])('lists workflows, opens one and acts on it, under %s', async (name) => {
    const id = await begin(`promote-model/delays/${name}`);
    await page.goto(`${under(name)}/namespaces/prod/workflows`);
    await page.getByRole('link', { name: id }).click();
    await page.getByRole('button', { name: 'Request Cancellation' }).click();
    const asked = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Confirm' }).click();
    expect((await asked).status()).toBe(200);
    expect(await cli('workflow', 'show', '-w', id)).toContain('WorkflowExecutionCancelRequested');
    expect(faults.splice(0)).toEqual([]);
  });

  it('takes nothing from a page whose name was made to point here', async () => {
    const id = await begin('promote-model/delays/rebound');
    const answer = await page.goto(`${under(FOREIGN)}/namespaces/prod/workflows`);
    // What such a page would do: read the cookie that is to keep other pages' requests off, and send it along.
    const path = `/api/v1/namespaces/prod/workflows/${encodeURIComponent(id)}/terminate`;
    const status = await page.evaluate(`(async () => {
      const token = /_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? '';
      const headers = { 'content-type': 'application/json', 'x-csrf-token': token };
      return (await fetch('${path}', { method: 'POST', headers, body: '{"reason":"x"}' })).status;
    })()`);
    expect(await cli('workflow', 'describe', '-w', id, '--output', 'json')).toContain('EXECUTION_STATUS_RUNNING');
    expect([answer?.status(), status]).toEqual([403, 403]);
    expect(await page.textContent('body')).toContain(`found the host "${new URL(under(FOREIGN)).host}"`);
  });

  it.runIf(process.platform === 'linux')('proper listens where a page would have to guess', async () => {
    const log = await readFile(join(home, 'temporal.log'), 'utf8');
    expect(log).toMatch(/^Temporal UI: +http:\/\/127\.(?!0\.)[\d.]+:\d+$/m);
  });

  it('is where it was, and answers through the same proxy, after the server died', async () => {
    const id = await begin('promote-model/delays/kept');
    process.kill(-(server.process.pid() ?? 0), 'SIGKILL');
    await vi.waitFor(async () => expect((await fetch(`${server.uiUrl}/api/v1/namespaces/prod`)).status).toBe(200), {
      timeout: 30_000,
      interval: 200,
    });
    await page.goto(`${server.uiUrl}/namespaces/prod/workflows`);
    await page.getByRole('link', { name: id }).waitFor();
  });
});
