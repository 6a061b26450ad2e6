import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENTS } from '../../../contracts/environments.ts';
import { SEARCH_ATTRIBUTES } from '../../../contracts/search-attributes.ts';
import { DEV_CONFIG_FILE, parseDevConfig, readDevConfig } from '../../../scripts/dev-server/read-dev-config.ts';
import { nativeParts } from '../../support/native-parts.ts';

function cli(...args: string[]): string {
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };
  return execFileSync(nativeParts().temporalCli, ['--env-file', DEV_CONFIG_FILE, ...args], { encoding: 'utf8', env });
}

describe('temporal-dev.yaml', () => {
  it('has exactly the search attributes of contracts/', async () => {
    const { searchAttributes } = await readDevConfig();
    const contract = SEARCH_ATTRIBUTES.map(({ name, type }) => [name, type.toLowerCase()]);
    const file = Object.entries(searchAttributes).map(([name, type]) => [name, type.toLowerCase()]);
    expect(file.sort()).toEqual(contract.sort());
  });

  it('has exactly the environments of contracts/, each with the namespace of its name, kept for 30 days', async () => {
    const { environments, namespaces } = await readDevConfig();
    expect(environments).toEqual(Object.fromEntries(ENVIRONMENTS.map((name) => [name, name])));
    expect(namespaces).toEqual(Object.fromEntries(ENVIRONMENTS.map((name) => [name, { retention: '30d' }])));
  });

  it('is read by the stock CLI', async () => {
    const { address } = await readDevConfig();
    for (const name of ENVIRONMENTS) {
      const properties = cli('env', 'get', '--env', name);
      expect(properties).toMatch(new RegExp(`namespace +${name} *\\n`));
      expect(properties).toMatch(new RegExp(`address +${address} *\\n`));
    }
    expect(() => cli('--env', 'nowhere', 'workflow', 'list')).toThrow(/environment "nowhere" not found/);
  });

  it.each([
    ['env: [', 'is no YAML'],
    ['env: {}\nnamespaces: {}\nsearch-attributes: {all: {}}\ndynamic-config: {all: {}}', 'has no environment'],
    ['env: {}', 'namespaces'],
  ])('a mistake is answered with the file: %s', (text, message) => {
    expect(() => parseDevConfig(text, 'temporal-dev.yaml')).toThrow(message);
    expect(() => parseDevConfig(text, 'temporal-dev.yaml')).toThrow('temporal-dev.yaml');
  });

  it('refuses environments on different servers', async () => {
    const section = (name: string, port: number): string =>
      `{ address: "127.0.0.1:${port}", port: ${port}, namespace: ${name}, db-filename: t.db, ui-port: 8233, metrics-port: 9464 }`;
    const text = `env: { dev: ${section('dev', 7233)}, prod: ${section('prod', 7234)} }
namespaces: { dev: { retention: 30d }, prod: { retention: 30d } }
search-attributes: { all: {} }
dynamic-config: { all: {} }`;
    expect(() => parseDevConfig(text, 'f')).toThrow('env.prod.address is 127.0.0.1:7234, elsewhere 127.0.0.1:7233');
  });
});
