import { defineConfig } from 'vitest/config';

const JOURNEYS = 'test/e2e/**/*.test.ts';

export default defineConfig({
  test: {
    // Threads crash Temporal's native bridge.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    globalSetup: ['test/support/global-setup.ts'],
    env: { UV_THREADPOOL_SIZE: '16' },
    projects: [
      { extends: true, test: { name: 'parts', include: ['test/**/*.test.ts'], exclude: [JOURNEYS] } },
      {
        extends: true,
        // The registry once more, on a server.
        test: {
          name: 'postgres',
          include: ['test/registry/**/*.test.ts', 'test/scripts/db/**/*.test.ts'],
          globalSetup: ['test/support/postgres-setup.ts'],
          setupFiles: ['test/support/on-postgres.ts'],
        },
      },
      {
        extends: true,
        // Each starts a whole stack: side by side they would only wait for each other.
        test: { name: 'journeys', include: [JOURNEYS], fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
