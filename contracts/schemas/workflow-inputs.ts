import { z } from 'zod';
import { TRIGGERS } from '../train-model.ts';
import { instant, kebabName } from './primitives.ts';

const window = { from: instant.optional(), until: instant.optional() };

/** Path below the exports folder: no way up, no absolute path. */
const exportPath = z
  .string()
  .min(1)
  .max(300)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
    'expected a path below the exports folder, for example "june/predictions.csv"',
  );

function ordered(input: { from?: string | undefined; until?: string | undefined }): boolean {
  return input.from === undefined || input.until === undefined || input.from < input.until;
}

const FROM_BEFORE_UNTIL = { message: 'expected "from" before "until"', path: ['from'] };

/** What each workflow accepts as its one argument. Unknown fields are refused: a misspelt `asOf` must not mean now. */
export const WORKFLOW_INPUTS = {
  refreshFeatures: z.strictObject({ project: kebabName, asOf: instant.optional(), full: z.boolean().optional() }),
  trainModel: z.strictObject({
    project: kebabName,
    asOf: instant.optional(),
    trigger: z.enum(TRIGGERS).optional(),
    snapshot: z.int().min(0).optional(),
  }),
  promoteModel: z.strictObject({
    project: kebabName,
    version: z.int().min(1),
    requestedBy: z.string().trim().min(1).max(100).optional(),
  }),
  trainToDeploy: z.strictObject({
    project: kebabName,
    asOf: instant.optional(),
    trigger: z.enum(TRIGGERS).optional(),
    refresh: z.boolean().optional(),
  }),
  scoreBatch: z
    .strictObject({
      project: kebabName,
      ...window,
      sink: z.strictObject({ format: z.enum(['parquet', 'csv']), path: exportPath }).optional(),
    })
    .refine(ordered, FROM_BEFORE_UNTIL),
  monitorModel: z
    .strictObject({ project: kebabName, ...window, asOf: instant.optional() })
    .refine(ordered, FROM_BEFORE_UNTIL),
  recertifyModels: z.strictObject({
    model: kebabName.optional(),
    review: z
      .strictObject({ by: z.string().trim().min(1).max(100), comment: z.string().trim().min(1).max(4_000) })
      .optional(),
  }),
  rollBackModel: z.strictObject({
    model: kebabName,
    reason: z.string().trim().min(1).max(4_000),
    requestedBy: z.string().trim().min(1).max(100),
    ask: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'expected the id of an asking, as npm run registry -- roll-back gives it: 32 hex digits')
      .optional(),
  }),
} as const;
