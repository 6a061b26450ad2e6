import { upsertSearchAttributes } from '@temporalio/workflow';
import type { ScoreBatchInput, ScoreBatchResult } from '../contracts/score-batch.ts';
import { mlVersion } from '../contracts/search-attributes.ts';
import { acceptInput } from './accept.ts';
import { predictions, registration } from './activities.ts';
import { beginStory } from './story.ts';

/** The window is part of the accepted input: given, or the last complete one before now. */
type AcceptedScoreBatch = ScoreBatchInput & Required<Pick<ScoreBatchInput, 'from' | 'until'>>;

/** Scores the rows of a window with the Production model, features as of each row's time, into the predictions table. */
export async function scoreBatch(input: ScoreBatchInput): Promise<ScoreBatchResult> {
  const story = beginStory('Batch scoring');
  const { pinned, input: accepted } = await acceptInput<AcceptedScoreBatch>('scoreBatch', input, story);
  const { from, until, sink } = accepted;
  const nothing = { from, until, rows: 0, table: null, snapshot: null, model: pinned.model, version: null };

  story.phase('model', 'Asking the registry for the Production version.');
  const scoring = await registration.selectProductionModel.executeWithOptions(
    { summary: 'which version is in Production?' },
    [{ model: pinned.model }],
  );
  if (scoring === null) {
    story.phase('done', `No version of ${pinned.model} is in Production; promote one first.`);
    return { outcome: 'no-production', ...nothing };
  }
  upsertSearchAttributes([{ key: mlVersion, value: String(scoring.version) }]);
  const window = { pinned, scoring, from, until };

  story.phase('rows', `Joining features to the rows of ${from} to ${until}, for version ${scoring.version}.`);
  const rows = await predictions.buildScoringRows.executeWithOptions({ summary: `rows from ${from} until ${until}` }, [
    window,
  ]);
  if (rows === null) {
    story.phase('done', `No rows between ${from} and ${until}.`);
    return { outcome: 'no-rows', ...nothing, version: scoring.version };
  }

  story.phase('score', `${rows.rows} rows, version ${scoring.version}.`);
  const scored = await predictions.scoreRows.executeWithOptions({ summary: `score ${rows.rows} rows` }, [
    { scoring, data: rows.data },
  ]);
  const published = await predictions.publishPredictions.executeWithOptions({ summary: 'publish the predictions' }, [
    { ...window, rows, scored },
  ]);
  const file =
    sink === undefined
      ? undefined
      : await predictions.exportPredictions.executeWithOptions({ summary: `write ${sink.path}` }, [
          { ...window, sink },
        ]);
  story.phase(
    'done',
    `${rows.rows} predictions of version ${scoring.version} in \`${published.table}\`, snapshot ${published.snapshot}.`,
  );
  return {
    outcome: 'scored',
    from,
    until,
    rows: rows.rows,
    table: published.table,
    snapshot: published.snapshot,
    model: scoring.model,
    version: scoring.version,
    ...(file === undefined ? {} : { file }),
  };
}
