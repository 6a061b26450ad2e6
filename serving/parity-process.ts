import { readFile } from 'node:fs/promises';
import { nodeChildPorts, runChildJob } from '../contracts/child-process.ts';
import { measureDifference, type ParityJob, type ParityJobResult } from './parity.ts';

// A process of its own: a client's file, scored on a client's rows, may crash it or take all memory, and nothing else.
await runChildJob<ParityJob, ParityJobResult>(nodeChildPorts(process, readFile), measureDifference);
