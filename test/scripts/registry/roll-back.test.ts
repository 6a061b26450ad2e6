import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { askToRollBack } from '../../../scripts/registry/roll-back.ts';

const COMMAND = { command: 'roll-back', environment: 'dev', json: false, model: 'delays', reason: 'late' } as const;

/** A registry's server that answers so; tells what it was asked. */
async function serverThatAnswers(status: number, answer: object) {
  const heard: unknown[] = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString('utf8')));
    request.on('end', () => {
      heard.push({ method, url, authorization: headers.authorization, body: JSON.parse(body) as unknown });
      response.writeHead(status).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { heard, env: { SUPERSTEP_REGISTRY_ADDRESS: address, SUPERSTEP_TOKEN: 'ss_mine' } };
}

it('asks with the token of whoever runs it, and tells how to see what becomes of it', async () => {
  const answer = { ask: 'a1', workflow_id: 'roll-back-model/delays/a1' };
  const { heard, env } = await serverThatAnswers(200, answer);
  const told = (await askToRollBack(COMMAND, env)).join('\n');
  const url = '/dev/api/2.0/superstep/models/delays/roll-back';
  expect(heard).toEqual([{ method: 'POST', url, authorization: 'Bearer ss_mine', body: { reason: 'late' } }]);
  expect(told).toContain('npm run temporal -- workflow result -n dev -w roll-back-model/delays/a1');
  expect(JSON.parse((await askToRollBack({ ...COMMAND, json: true }, env)).join(''))).toEqual(answer);
});

it('tells a refusal in the server’s words, and who has no token how to get one', async () => {
  const { heard, env } = await serverThatAnswers(403, {
    error_code: 'PERMISSION_DENIED',
    message: 'may not roll back',
  });
  await expect(askToRollBack(COMMAND, env)).rejects.toThrow('403 PERMISSION_DENIED): may not roll back');
  const without = { ...env, SUPERSTEP_TOKEN: '', XDG_CONFIG_HOME: '/nonexistent' };
  await expect(askToRollBack(COMMAND, without)).rejects.toThrow('npm run users -- token new');
  expect(heard).toHaveLength(1);
});
