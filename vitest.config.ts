import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Threads crash Temporal's native bridge.
    pool: 'forks',
    // Two cores, and suites that start servers: files side by side would only wait for each other.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    globalSetup: ['test/support/global-setup.ts'],
    env: { UV_THREADPOOL_SIZE: '16' },
  },
});
