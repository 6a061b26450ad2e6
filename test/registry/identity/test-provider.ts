import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider, type Configuration, type JWK } from 'oidc-provider';

/** A real OpenID Connect provider on a port of its own, which can lose its keys, and go away and come back. */
export interface TestProvider {
  readonly issuer: string;
  /** An access token (a JWT) for a client, as its client credentials get it. */
  readonly tokenFor: (client: string, audience?: string) => Promise<string>;
  /** From now on it signs with another key, and publishes that one only. */
  readonly rotateKeys: () => void;
  readonly stop: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** How often the keys were asked for. */
  readonly keysServed: () => number;
  /** The public keys as published. */
  readonly publishedKeys: () => Promise<{ readonly keys: readonly Readonly<Record<string, string>>[] }>;
}

export const AUDIENCE = 'https://registry.example.com';
const SECRET = 'a secret of the test';

/** Groups by client: what a directory would say of a person; `names` goes into the claim `preferred_username`. */
export async function startTestProvider(
  groups: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>> = {},
): Promise<TestProvider> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  let keysServed = 0;
  let keyNumber = 0;
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve) => {
      const made = createServer((request, response) => {
        if (request.url === '/jwks') keysServed += 1;
        handle(request, response);
      });
      made.listen(port, '127.0.0.1', () => resolve(made));
    });
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const rotateKeys = (): void => {
    keyNumber += 1;
    const provider = new Provider(issuer, configuration(groups, names, [signingKey(`key-${keyNumber}`)]));
    const callback = provider.callback();
    handle = (request, response) => void callback(request, response);
  };
  rotateKeys();
  return {
    issuer,
    rotateKeys,
    keysServed: () => keysServed,
    publishedKeys: async () => (await (await fetch(`${issuer}/jwks`)).json()) as never,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    restart: async () => {
      server = await listen(port);
    },
    tokenFor: async (client, audience = AUDIENCE) => {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${client}:${encodeURIComponent(SECRET)}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
      });
      const answer = (await response.json()) as { readonly access_token?: string };
      if (answer.access_token === undefined) throw new Error(`the provider answered ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
  };
}

function signingKey(kid: string): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...(privateKey.export({ format: 'jwk' }) as JWK), kid, alg: 'RS256', use: 'sig' };
}

function configuration(
  groups: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
  keys: JWK[],
): Configuration {
  return {
    jwks: { keys },
    clients: [...Object.keys(groups), ...Object.keys(names)].map((client) => ({
      client_id: client,
      client_secret: SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    extraTokenClaims: (_context, token) => {
      const client = ('clientId' in token && token.clientId) || '';
      return { groups: groups[client] as never, preferred_username: names[client] };
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}
