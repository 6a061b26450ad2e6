import { readFile } from 'node:fs/promises';
import { nodeChildPorts, runChildJob } from '../contracts/child-process.ts';
import { trainModel, type TrainJob, type TrainJobResult } from './train-model.ts';

// A process of its own: training blocks its thread, can be killed, and gives its memory back.
await runChildJob<TrainJob, TrainJobResult>(nodeChildPorts(process, readFile), trainModel);
