export { monitorModel } from './monitor-model.ts';
export { promoteModel } from './promote-model.ts';
export { refreshFeatures } from './refresh-features.ts';
export { rollBackModel } from './roll-back-model.ts';
export { scoreBatch } from './score-batch.ts';
export { trainModel } from './train-model.ts';
export { trainToDeploy } from './train-to-deploy.ts';
