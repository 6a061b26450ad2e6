import { randomInt } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { HOST } from './ports.ts';

/** An address on loopback. */
export interface HiddenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Where something may listen that only this process shall find: a random one of the 2^24 addresses of 127.0.0.0/8, and
 * a port that is free there. A web page whose owner makes its name point to this machine (DNS rebinding) reaches the
 * address and the port that it knows, and no other: from here it would have to guess both at once. Where 127.0.0.1 is
 * the only one (macOS, BSD), the free port alone is left to guess. It hides from pages, not from the users of this
 * machine, who can list what listens on it.
 */
export async function hiddenAddress(host = randomLoopbackHost()): Promise<HiddenAddress> {
  try {
    return { host, port: await freePortOn(host) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error;
    return { host: HOST, port: await freePortOn(HOST) };
  }
}

/** Not in 127.0.0.0/16, where other programs have theirs, and neither a network's address nor its broadcast. */
function randomLoopbackHost(): string {
  return ['127', randomInt(1, 255), randomInt(256), randomInt(1, 255)].join('.');
}

function freePortOn(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen({ port: 0, host }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
