import type { RefreshPlan } from '../contracts/refresh-features.ts';
import type { Lake } from './lake.ts';

/** Remembers that a refresh found nothing new up to its as-of: so a quiet source is not taken for a late refresh. */
export async function recordCheck(lake: Lake, { project, asOf, base }: RefreshPlan): Promise<void> {
  const known = await knownUntil(lake, project);
  if (base === null || (known !== undefined && known >= asOf)) return;
  const key = `refresh-check/${project}/${base.snapshot}/${asOf}`;
  await lake.commit({ key, kind: 'refresh-check', project, asOf, details: {} }, () => Promise.resolve());
}

/** The instant up to which the lake knows a project's sources; undefined before the first refresh. */
export async function knownUntil(lake: Lake, project: string): Promise<string | undefined> {
  const refresh = await lake.published(project);
  const check = await lake.latest('refresh-check', project);
  // A check counts for the refresh that it found nothing after; a rebuild as of an earlier instant starts anew.
  if (refresh === undefined || check === undefined || check.snapshot < refresh.snapshot) return refresh?.asOf;
  return check.asOf > refresh.asOf ? check.asOf : refresh.asOf;
}
