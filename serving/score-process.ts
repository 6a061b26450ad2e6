import { readFile } from 'node:fs/promises';
import { nodeChildPorts, runChildJob } from '../contracts/child-process.ts';
import { scoreFile, type ScoreJob, type ScoreJobResult } from './score-file.ts';

// A process of its own: scoring blocks its thread, can be killed, and gives its memory back.
await runChildJob<ScoreJob, ScoreJobResult>(nodeChildPorts(process, readFile), scoreFile);
