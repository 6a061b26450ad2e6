import type { PromoteModelResult } from './promote-model.ts';
import type { RefreshFeaturesResult } from './refresh-features.ts';
import type { TrainModelResult, Trigger } from './train-model.ts';

export interface TrainToDeployInput {
  readonly project: string;
  readonly asOf?: string;
  readonly trigger?: Trigger;
  /** Whether to refresh features first; default true. */
  readonly refresh?: boolean;
}

/** The outcome is that of the step that ended it. */
export interface TrainToDeployResult {
  readonly outcome: PromoteModelResult['outcome'] | 'stopped-by-expectation';
  readonly refresh: RefreshFeaturesResult | null;
  readonly training: TrainModelResult | null;
  readonly promotion: PromoteModelResult | null;
}
