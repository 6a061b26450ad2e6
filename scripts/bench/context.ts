import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeParts } from '../setup/native-parts.ts';
import type { Report } from '../setup/report.ts';
import type { LakeJob } from './flights.ts';

/** What every bench gets. */
export interface BenchContext {
  /** Work in progress; removed at the end. */
  readonly folder: string;
  readonly parts: NativeParts;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Whether a bench that has two sizes takes the large one. */
  readonly full: boolean;
  /** Whether it takes a small one, to try the bench itself; its figures say nothing. */
  readonly quick: boolean;
}

/** Cores that workers use by default. */
export const THREADS = 2;

/** Path of one of this folder's child processes. */
export function processFile(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
}

/** A lake of its own below the work folder, with what a data worker may use by default. */
export function lakeJob({ folder, parts }: BenchContext, name: string): LakeJob {
  return { folder: join(folder, name), extensionsFolder: parts.duckdbExtensions, threads: THREADS, memoryLimit: '1GB' };
}
