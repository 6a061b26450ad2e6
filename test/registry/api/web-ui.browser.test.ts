import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../projects/load-policy.ts';
import { MLFLOW_UI_VERSION } from '../../../scripts/setup/mlflow-ui.ts';
import { cacheFolder } from '../../../scripts/setup/cache.ts';
import { ROOT } from '../../../scripts/stack/stack-home.ts';
import { launchChromium } from '../../support/chromium.ts';
import { openGoldenServer } from './open-golden-server.ts';

const UI = join(cacheFolder(process.env), 'mlflow-ui', MLFLOW_UI_VERSION);
/** Parts of MLflow that are not served; its pages ask for them and do without. */
const NOT_SERVED = /\/ajax-api\/3\.0\/mlflow\/assistant\/|\/ajax-api\/[34]\.0\/mlflow\/traces/;

const isThere = existsSync(UI);
const inCi = process.env['CI'] !== undefined && process.env['CI'] !== '';

// Set-up fetches the UI where it can; the product does not depend on it, but CI looks at it.
describe("MLflow's own web UI is there", () => {
  it.skipIf(!isThere && !inCi)(`${UI} (skipped outside of CI when absent)`, () => {
    expect(isThere, `CI needs the UI at ${UI}: npm run setup fetches it and says what hinders it`).toBe(true);
  });
});

describe.skipIf(!isThere)("MLflow's own web UI on the registry", () => {
  let server: Awaited<ReturnType<typeof openGoldenServer>>;
  let browser: Browser;
  let page: Page;
  let runs: readonly string[];
  const faults: string[] = [];

  const post = async (path: string, body: object): Promise<Record<string, never>> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/dev/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect([path, response.status]).toEqual([path, 200]);
    return (await response.json()) as Record<string, never>;
  };
  const ask = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/dev/api/2.0/mlflow/${path}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const open = async (hash: string, text: string): Promise<void> => {
    await page.goto(`http://127.0.0.1:${server.port}/dev/#${hash}`);
    await page.getByText(text, { exact: false }).first().waitFor({ state: 'visible', timeout: 30_000 });
  };

  beforeAll(async () => {
    const { policy } = await loadPolicy(join(ROOT, 'policies'), 'dev');
    // As dev is shipped, but Production is entered through the gate alone, as in prod.
    server = await openGoldenServer('by token', { mlflowUi: UI, policy: { ...policy, direct_changes: 'refused' } });
    runs = [await logRun('first run', 0.71), await logRun('second run', 0.74)];
    const file = `http://127.0.0.1:${server.port}/dev/api/2.0/mlflow-artifacts/artifacts/0/${runs[0]}/artifacts/model/MLmodel`;
    await fetch(file, { method: 'PUT', body: JSON.stringify({ flavors: {} }) });
    await post('registered-models/create', { name: 'delays' });
    const source = `mlflow-artifacts:/0/${runs[0]}/artifacts/model`;
    await post('model-versions/create', { name: 'delays', source, run_id: runs[0] });
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400 && !NOT_SERVED.test(response.url()))
        faults.push(`${response.status()} ${response.url()}`);
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function logRun(name: string, auc: number): Promise<string> {
    const { run } = (await post('runs/create', { experiment_id: '0', run_name: name })) as unknown as {
      readonly run: { readonly info: { readonly run_id: string } };
    };
    const { run_id } = run.info;
    const metrics = [{ key: 'auc', value: auc, timestamp: 1, step: 0 }];
    await post('runs/log-batch', { run_id, metrics, params: [{ key: 'depth', value: '6' }] });
    await post('runs/update', { run_id, status: 'FINISHED' });
    return run_id;
  }

  it.each([
    ['experiments', () => '/experiments', 'Default'],
    ['runs of an experiment', () => '/experiments/0/runs', 'second run'],
    ['a run', () => `/experiments/0/runs/${runs[0]}`, '0.71'],
    ['a comparison', () => `/compare-runs?runs=${JSON.stringify(runs)}&experiments=${JSON.stringify(['0'])}`, '0.74'],
    ['registered models', () => '/models', 'delays'],
    ['a registered model with its versions', () => '/models/delays', 'Version 1'],
    ['a version', () => '/models/delays/versions/1', 'first run'],
  ])('shows %s', async (_, hash, text) => {
    await open(encodeURI(hash()), text);
    expect(faults.splice(0)).toEqual([]);
    expect(await page.getByRole('alert').allInnerTexts()).toEqual([]);
  });

  it('says why a stage change needs the gate, where it was tried', async () => {
    await open('/models/delays/versions/1', 'first run');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    // Stages can be changed on the older of the UI's two version pages.
    await page.getByRole('switch').click();
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('status').getByText('None', { exact: true }).click();
    await page.getByRole('menuitem').filter({ hasText: 'Production' }).first().click();
    await dialog.getByRole('button', { name: 'OK' }).click();
    const refusal = page.getByText('delays version 1 would enter Production without a gate; ask for Production');
    await refusal.waitFor({ state: 'visible', timeout: 30_000 });
    expect(faults.splice(0)).toEqual([expect.stringMatching(/^403 .*transition-stage$/)]);
    const { model_version } = await ask('model-versions/get?name=delays&version=1');
    expect(model_version).toMatchObject({ current_stage: 'None' });
  });
});
