import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hiddenAddress } from '../../../scripts/dev-server/hidden-address.ts';

describe('hiddenAddress', () => {
  it.runIf(process.platform === 'linux')('is on loopback, another each time, and not where others listen', async () => {
    const hosts = await Promise.all(Array.from({ length: 50 }, async () => (await hiddenAddress()).host));
    for (const host of hosts) expect(host).toMatch(/^127\.(?!0\.)\d+\.\d+\.\d+$/);
    expect(new Set(hosts).size).toBeGreaterThan(45);
  });

  it('can be listened on', async () => {
    const server = createServer().listen(await hiddenAddress());
    onTestFinished(() => void server.close());
    await once(server, 'listening');
  });

  it('is a free port of 127.0.0.1 where the system has no other loopback address', async () => {
    // Of TEST-NET-1: no machine has it.
    const [one, two] = [await hiddenAddress('192.0.2.1'), await hiddenAddress('192.0.2.1')];
    expect([one.host, two.host]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(one.port).toBeGreaterThan(0);
  });
});
