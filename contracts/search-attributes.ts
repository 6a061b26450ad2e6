import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Typed search attributes; registered in every namespace from temporal-dev.yaml, which a test holds in step with this. */
export const mlModel = defineSearchAttributeKey('MlModel', SearchAttributeType.KEYWORD);
export const mlVersion = defineSearchAttributeKey('MlVersion', SearchAttributeType.KEYWORD);
export const mlPhase = defineSearchAttributeKey('MlPhase', SearchAttributeType.KEYWORD);
export const mlGate = defineSearchAttributeKey('MlGate', SearchAttributeType.KEYWORD);
export const mlTrigger = defineSearchAttributeKey('MlTrigger', SearchAttributeType.KEYWORD);
export const mlEnvironment = defineSearchAttributeKey('MlEnvironment', SearchAttributeType.KEYWORD);
export const mlDriftScore = defineSearchAttributeKey('MlDriftScore', SearchAttributeType.DOUBLE);

export const SEARCH_ATTRIBUTES = [mlModel, mlVersion, mlPhase, mlGate, mlTrigger, mlEnvironment, mlDriftScore] as const;
