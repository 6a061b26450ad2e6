import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkPortsFree, choosePorts, freePorts } from '../../../scripts/dev-server/ports.ts';
import { readDevConfig } from '../../../scripts/dev-server/read-dev-config.ts';

const config = await readDevConfig();

describe('choosePorts', () => {
  it('has the documented defaults', async () => {
    expect(await choosePorts(config, {})).toEqual({
      temporal: 7233,
      ui: 8233,
      metrics: 9464,
      evidence: 8234,
      registry: 5000,
      endpoints: { dev: 8500, staging: 8501, prod: 8502 },
    });
  });

  it('moves all by the distance of SUPERSTEP_PORT, and single ones by their own variable', async () => {
    expect(await choosePorts(config, { SUPERSTEP_PORT: '7333', SUPERSTEP_UI_PORT: '9000' })).toEqual({
      temporal: 7333,
      ui: 9000,
      metrics: 9564,
      evidence: 8334,
      registry: 5100,
      endpoints: { dev: 8600, staging: 8601, prod: 8602 },
    });
  });

  it('takes free ones, all different, for 0', async () => {
    const { endpoints, ...others } = await choosePorts(config, { SUPERSTEP_PORT: '0' });
    const ports = [...Object.values(others), ...Object.values(endpoints)];
    expect(new Set(ports).size).toBe(8);
    expect(ports.every((port) => port > 0)).toBe(true);
  });

  it.each(['x', '70000', '-1', '7233.5'])('refuses SUPERSTEP_PORT=%s', async (text) => {
    await expect(choosePorts(config, { SUPERSTEP_PORT: text })).rejects.toThrow(`SUPERSTEP_PORT is "${text}"`);
  });
});

describe('checkPortsFree', () => {
  it('names each taken port, what it is for and how to move it', async () => {
    const ports = await freePorts();
    const blocker = createServer();
    onTestFinished(() => void blocker.close());
    await new Promise<void>((resolve) => blocker.listen(ports.ui, '127.0.0.1', resolve));
    const use = { server: true, environments: ['dev'] as const };
    await expect(checkPortsFree(ports, use)).rejects.toThrow(
      `port ${ports.ui}, for the Temporal Web UI, is in use: free it, or set SUPERSTEP_UI_PORT`,
    );
    await checkPortsFree(ports, { ...use, server: false });
  });
});
