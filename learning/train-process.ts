import { readFile } from 'node:fs/promises';
import { nodeChildPorts, runChildJob } from '../contracts/child-process.ts';
import { trainModel, type TrainJob, type TrainJobResult } from './train-model.ts';

// LightGBM's threads wait for each other by spinning, which takes ten times as long wherever another process wants a
// core too. OpenMP reads this when the library is loaded.
process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';

// A process of its own: training blocks its thread, can be killed, and gives its memory back.
await runChildJob<TrainJob, TrainJobResult>(nodeChildPorts(process, readFile), trainModel);
