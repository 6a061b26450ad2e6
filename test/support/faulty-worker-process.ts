import { readConfiguration } from '../../workers/configuration.ts';
import { runWorker } from '../../workers/run-worker.ts';
import { type FaultPlan, FAULTS_VARIABLE, faultyInterceptors } from './faults.ts';

// The worker as it is, but that it dies or freezes where the test says so.
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();

const plan = JSON.parse(process.env[FAULTS_VARIABLE] ?? '{}') as FaultPlan;
await runWorker(readConfiguration(process.env), () => process.stdout.write('ready\n'), {
  activityInterceptors: faultyInterceptors(plan),
  // A run that lost its worker is taken up at once; and every workflow task replays the whole history.
  maxCachedWorkflows: 0,
});
process.exit(0);
