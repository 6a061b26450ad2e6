/** Workflows and light I/O: registry, projects, the endpoint's status. */
export const SUPERSTEP_QUEUE = 'superstep';

/** All that reads or writes the lake. With the SQLite catalog, one process per environment serves it. */
export const DATA_QUEUE = 'superstep-data';

/** Training, one at a time. */
export const TRAIN_QUEUE = 'superstep-train';
