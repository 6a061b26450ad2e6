import { readRegistryServerConfiguration } from './registry-server-configuration.ts';
import { startRegistryServer } from './registry-server.ts';

const server = await startRegistryServer(readRegistryServerConfiguration(process.env), (line) =>
  process.stderr.write(`${line}\n`),
);

let leaving: Promise<void> | undefined;
const leave = (): void => {
  leaving ??= server.close().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
};
process.once('SIGTERM', leave).once('SIGINT', leave);
// The end of stdin says that the parent is gone.
process.stdin.on('end', leave).resume();

process.stdout.write(`ready ${server.url}\n`);
