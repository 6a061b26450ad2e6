import { afterAll, beforeAll } from 'vitest';

/** Lets the child processes of a file's tests load TypeScript: a child gets its parent's loader; workers run under tsx, tests do not. */
export function startChildrenUnderTsx(): void {
  const { execArgv } = process;
  beforeAll(() => void (process.execArgv = ['--import', 'tsx']));
  afterAll(() => void (process.execArgv = execArgv));
}
