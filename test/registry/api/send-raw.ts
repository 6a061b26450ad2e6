import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly bytes: Buffer;
}

/** One request, its path byte for byte as given (`fetch` would tidy it up). @throws when the connection breaks */
export function sendRaw(
  port: number,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: Buffer | string; readonly headers?: OutgoingHttpHeaders } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(pieces) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The answer's body as JSON. */
export function json({ bytes }: RawAnswer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}
