import { Connection } from '@temporalio/client';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  bringNamespacesUpToDate,
  missingSearchAttributes,
} from '../../../scripts/dev-server/bring-namespaces-up-to-date.ts';
import { hiddenAddress } from '../../../scripts/dev-server/hidden-address.ts';
import { freePorts } from '../../../scripts/dev-server/ports.ts';
import { DEV_CONFIG_FILE, type DevConfig, readDevConfig } from '../../../scripts/dev-server/read-dev-config.ts';
import { type DevServer, devServerArguments, startDevServer } from '../../../scripts/dev-server/start-dev-server.ts';
import { superviseProcess } from '../../../scripts/processes/supervise-process.ts';
import { nativeParts } from '../../support/native-parts.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const { temporalCli } = nativeParts();
const config = await readDevConfig();

async function start(home: string, changed: Partial<DevConfig> = {}, said: string[] = []): Promise<DevServer> {
  const server = await startDevServer({
    cli: temporalCli,
    home,
    ports: await freePorts(),
    config: { ...config, ...changed },
    report: (line) => said.push(line),
  });
  onTestFinished(() => server.stop());
  return server;
}

async function cli(server: DevServer, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(temporalCli, [...args, '--address', server.address]);
  return stdout;
}

async function retentionOf(server: DevServer, namespace: string): Promise<string | undefined> {
  return /RetentionTtl +(\S+)/.exec(await cli(server, 'operator', 'namespace', 'describe', '-n', namespace))?.[1];
}

async function attributesOf(server: DevServer, namespace: string): Promise<string[]> {
  const printed = await cli(server, 'operator', 'search-attribute', 'list', '-n', namespace);
  return [...printed.matchAll(/^ +(Ml\w+) +(\w+)/gm)].map(([, name, type]) => `${name}: ${type}`).sort();
}

/** A server as older releases started it: namespaces without our attributes, kept for a day. */
async function makeOldDatabase(home: string): Promise<void> {
  await mkdir(home, { recursive: true });
  const { temporal, ui } = await freePorts();
  const file = join(home, 'temporal.db');
  const flags = ['--headless', '--ui-port', ui, '--port', temporal, '--db-filename', file, '-n', 'dev', '-n', 'prod'];
  const server = superviseProcess({
    name: 'old server',
    command: temporalCli,
    args: ['server', 'start-dev', ...flags.map(String)],
    log: join(home, 'old.log'),
    graceMs: 10_000,
    report: () => undefined,
  });
  await vi.waitFor(async () => (await Connection.connect({ address: `127.0.0.1:${temporal}` })).close(), 20_000);
  await server.stop();
}

const WANTED = Object.entries(config.searchAttributes)
  .map(([name, type]) => `${name}: ${type}`)
  .sort();

describe('startDevServer', () => {
  it('brings attributes and retention up to date, also in an old database file, and again without harm', async () => {
    const home = await temporaryFolder();
    await makeOldDatabase(home);
    for (let time = 0; time < 2; time += 1) {
      const server = await start(home);
      for (const namespace of ['dev', 'staging', 'prod']) {
        expect(await attributesOf(server, namespace)).toEqual(WANTED);
        expect(await retentionOf(server, namespace)).toBe('720h0m0s');
      }
      // The stock CLI takes the namespace from temporal-dev.yaml.
      expect(await cli(server, '--env-file', DEV_CONFIG_FILE, '--env', 'staging', 'workflow', 'count')).toMatch(/0/);
      await server.stop();
    }
  });

  it('refuses an attribute of another type, naming both', async () => {
    const home = await temporaryFolder();
    const first = await start(home);
    await first.stop();
    const changed = { searchAttributes: { ...config.searchAttributes, MlVersion: 'Int' as const } };
    await expect(start(home, changed)).rejects.toThrow(
      /namespace dev has the search attribute MlVersion as Keyword, but temporal-dev\.yaml wants Int/,
    );
  });

  it('on a server elsewhere adds what is missing, but leaves the retention that it finds', async () => {
    const before = { namespaces: { dev: { retention: '2d' } }, searchAttributes: {} };
    const server = await start(await temporaryFolder(), before);
    const connection = await Connection.connect({ address: server.address });
    await bringNamespacesUpToDate(connection, config, { ownServer: false });
    await connection.close();
    expect(await retentionOf(server, 'dev')).toBe('48h0m0s');
    expect(await retentionOf(server, 'prod')).toBe('720h0m0s');
    for (const namespace of ['dev', 'staging', 'prod']) expect(await attributesOf(server, namespace)).toEqual(WANTED);
  });

  it('takes nothing over HTTP, where any web page could start workflows', async () => {
    const [home, ports] = [await temporaryFolder(), await freePorts()];
    const { registry: port } = ports;
    const server = superviseProcess({
      name: 'server with a known HTTP port',
      command: temporalCli,
      args: [...devServerArguments({ home, ports, config }, await hiddenAddress()), '--http-port', String(port)],
      log: join(home, 'temporal.log'),
      graceMs: 10_000,
      report: () => undefined,
    });
    onTestFinished(() => server.stop());
    const address = `127.0.0.1:${ports.temporal}`;
    await vi.waitFor(async () => (await Connection.connect({ address })).close(), 20_000);
    const url = `http://127.0.0.1:${port}/api/v1/namespaces/prod/workflows/x`;
    const body = JSON.stringify({ workflowType: { name: 'rollBackModel' }, taskQueue: { name: 'superstep' } });
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body });
    expect(answer.status).toBe(403);
  });

  it('is up again, with its data, after kill -9', async () => {
    const said: string[] = [];
    const server = await start(await temporaryFolder(), {}, said);
    await cli(server, 'workflow', 'start', '-n', 'dev', '--type', 'x', '--task-queue', 'q', '-w', 'kept');
    process.kill(-(server.process.pid() ?? 0), 'SIGKILL');
    await vi.waitFor(
      async () => expect(await cli(server, 'workflow', 'describe', '-n', 'dev', '-w', 'kept')).toContain('kept'),
      {
        timeout: 30_000,
        interval: 200,
      },
    );
    expect(said).toContain('Temporal server died (SIGKILL); starting it again in 0.5 s');
  });

  it('says what the server said when it cannot start', async () => {
    const ports = await freePorts();
    const home = await temporaryFolder();
    const options = { home, config, report: () => undefined };
    await expect(startDevServer({ ...options, cli: process.execPath, ports })).rejects.toThrow(
      /the Temporal server does not answer on 127\.0\.0\.1:\d+; it said:[^]*Cannot find module/,
    );
  });
});

describe('missingSearchAttributes', () => {
  it('is what is not there yet, by the numbers of the API', () => {
    expect(missingSearchAttributes('dev', { A: 'Keyword', B: 'Double' }, { A: 2, C: 1 })).toEqual({ B: 4 });
  });
});
