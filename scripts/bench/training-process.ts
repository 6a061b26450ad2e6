import { trainModel } from '../../learning/train-model.ts';
import { runMeasuredJob } from './measured-child.ts';

// As in the training process, which this is but for the measuring; LightGBM reads it when it is loaded.
process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';

await runMeasuredJob(trainModel);
