import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Bundles the workflows with the timeouts of impatient-timeouts.ts into a file of the folder; gives its path. */
export async function impatientBundle(folder: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: path('../../workflows/index.ts'),
    payloadConverterPath: path('../../contracts/payload-converter.ts'),
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => ({
      ...config,
      resolve: {
        ...config.resolve,
        alias: {
          ...(config.resolve?.alias as Record<string, string> | undefined),
          [path('../../workflows/activity-timeouts.ts')]: path('./impatient-timeouts.ts'),
        },
      },
    }),
  });
  if (!code.includes('impatient-timeouts')) throw new Error('the impatient timeouts did not get into the bundle');
  const file = join(folder, 'impatient-workflows.js');
  await writeFile(file, code);
  return file;
}
