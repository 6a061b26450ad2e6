/** Stands in for workflows/activity-timeouts.ts where tests kill and freeze workers: a dead one is noticed at once. */
export const HEARTBEAT_TIMEOUT = '1500ms';
export const LIGHT_START_TO_CLOSE = '1m';
export const DATA_START_TO_CLOSE = '5m';
export const TRAIN_START_TO_CLOSE = '5m';
export const SCHEDULE_TO_CLOSE = '10m';
export const PLACE_SCHEDULE_TO_CLOSE = '2s';
export const DELIVERY_SCHEDULE_TO_CLOSE = '10m';
export const DELIVERY_RETRY_INITIAL_INTERVAL = '100ms';
export const DELIVERY_RETRY_MAXIMUM_INTERVAL = '1s';
export const RETRY_INITIAL_INTERVAL = '100ms';
export const RETRY_MAXIMUM_INTERVAL = '1s';
