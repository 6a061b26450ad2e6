import { readConfiguration } from './configuration.ts';
import { runWorker } from './run-worker.ts';

// Temporal's runtime listens for SIGINT and SIGTERM itself; the end of stdin says that the parent is gone.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();

await runWorker(readConfiguration(process.env), () => process.stdout.write('ready\n'));

// All work has ended; the open stdin alone would keep the process.
process.exit(0);
