import { ApplicationFailure } from '@temporalio/workflow';
import { ActivityFailure } from '@temporalio/common';
import type { HeadPlaceName, SignedHead, WriteAuditHeadResult, WrittenPlace } from '../contracts/audit-workflows.ts';
import { auditing, auditPlaces } from './activities.ts';
import { beginStory, markdownTable } from './story.ts';

/**
 * Keeps histories of ended runs, then signs the head of the audit and writes it to every place that the policy names.
 * A place that fails does not keep the others from theirs; the run fails in the end, for somebody must look.
 */
export async function writeAuditHead(): Promise<WriteAuditHeadResult> {
  const story = beginStory('Audit head');
  story.phase('archive', 'Keeping the histories of runs that have ended.');
  const { archived } = await auditing.archiveHistories.executeWithOptions({ summary: 'keep histories' }, []);
  const signed = await auditing.signAuditHead.executeWithOptions({ summary: 'sign the head' }, []);
  story.phase('write', `Writing the head of row ${signed.sequence} to ${signed.places.length} places.`);
  const places = await Promise.all(signed.places.map((place) => writeTo(place, signed)));
  const table = markdownTable(
    ['place', 'status', ''],
    places.map(({ place, status, note }) => [place, status, note ?? '']),
  );
  story.phase('done', `Row ${signed.sequence}; ${archived} histories kept.\n\n${table}`);
  const result: WriteAuditHeadResult = {
    outcome: places.length === 0 ? 'nowhere-to-write' : 'written',
    sequence: signed.sequence,
    archivedHistories: archived,
    places,
  };
  const failed = places.filter((place) => place.status === 'failed');
  if (failed.length === 0) return result;
  throw ApplicationFailure.create({
    type: 'SourceUnavailable',
    message: `the head of row ${signed.sequence} could not be written to ${failed.map(({ place }) => place).join(', ')}`,
    nonRetryable: true,
    details: [result],
  });
}

async function writeTo(place: HeadPlaceName, { sequence, envelope }: SignedHead): Promise<WrittenPlace> {
  const name = Object.entries(place).flat().join(' ');
  try {
    const status = await auditPlaces.writeAuditHead.executeWithOptions({ summary: `row ${sequence} to ${name}` }, [
      { place, envelope },
    ]);
    return { place: name, status };
  } catch (error) {
    // A cancelled run ends as one.
    if (!(error instanceof ActivityFailure) || !(error.cause instanceof Error)) throw error;
    if (error.cause.name === 'CancelledFailure') throw error;
    return { place: name, status: 'failed', note: error.cause.message };
  }
}
