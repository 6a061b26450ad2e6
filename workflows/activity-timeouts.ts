/**
 * Every activity heartbeats while it runs (an interceptor does it), so a dead worker is noticed after one heartbeat
 * timeout, however long the work may take. Tests replace this file by impatient values.
 */
export const HEARTBEAT_TIMEOUT = '30s';

/** Registry, projects, the endpoint's status. */
export const LIGHT_START_TO_CLOSE = '2m';

/** One pass over a table, or over the rows of a window. */
export const DATA_START_TO_CLOSE = '1h';

export const TRAIN_START_TO_CLOSE = '12h';

/** From the first try to the last, over all retries of weather. */
export const SCHEDULE_TO_CLOSE = '24h';

/** Tries at one place that heads of the audit are written to. */
export const PLACE_SCHEDULE_TO_CLOSE = '20m';

/** A receiver of events is given up after a day of failures; this only bounds what stands still. */
export const DELIVERY_SCHEDULE_TO_CLOSE = '7d';
export const DELIVERY_RETRY_INITIAL_INTERVAL = '5s';
export const DELIVERY_RETRY_MAXIMUM_INTERVAL = '15m';

export const RETRY_INITIAL_INTERVAL = '1s';
export const RETRY_MAXIMUM_INTERVAL = '30s';
