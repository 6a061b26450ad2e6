import type { TestProject } from 'vitest/node';
import { ensureWorkflowBundle } from '../../scripts/workflow-bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The workflow bundle as workers run it. */
    workflowBundle: string;
  }
}

/** Bundles the workflows once for the whole run: under load one bundling takes longer than a test may. */
export async function setup(project: TestProject): Promise<void> {
  project.provide('workflowBundle', await ensureWorkflowBundle({ report: () => undefined }));
}
