import { choosePorts, HOST } from './ports.ts';
import { readDevConfig } from './read-dev-config.ts';

/** Where clients find the server: TEMPORAL_ADDRESS, else temporal-dev.yaml's address, moved by SUPERSTEP_PORT. */
export async function serverAddress(env: NodeJS.ProcessEnv): Promise<string> {
  if (env['TEMPORAL_ADDRESS']) return env['TEMPORAL_ADDRESS'];
  const config = await readDevConfig();
  const moved = env['SUPERSTEP_PORT'];
  if (!moved || moved === '0') return config.address;
  return `${HOST}:${(await choosePorts(config, env)).temporal}`;
}
