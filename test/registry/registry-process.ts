import { stdout } from 'node:process';
import { openTestRegistry, takesNames } from './open-test-registry.ts';

/**
 * A process of its own that works on the registry of a folder: `registry-process.ts <folder> <what> <name> [<count>]`.
 * Prints one line per finished operation. `register` registers versions, `contend` promotes and rolls back,
 * `hang` stops in the middle of a promotion, its transaction open.
 */
const [folder = '', what = '', name = '', count = '0'] = process.argv.slice(2);
const MODEL = 'delays';
process.stdin.on('end', () => process.exit(2)).resume();

const t = await openTestRegistry({ folder });
if (what === 'register') {
  for (let i = 0; i < Number(count); i++) print(String(await t.register(MODEL, `${name}/${i}`)));
} else if (what === 'contend') {
  for (let i = 0; i < Number(count); i++) print(await contend(i));
} else {
  await t.db.write(async (trx) => {
    await trx('model_versions').where({ model: MODEL, stage: 'Production' }).update({ stage: 'Archived' });
    print('in the middle');
    await new Promise(() => undefined);
  });
}
await t.db.close();
process.exit(0);

/** One way to Production, and a rollback every third time; losing a race is an answer too. */
async function contend(round: number): Promise<string> {
  const version = await t.stage(MODEL, `${name}/${round}`);
  try {
    const champion = (await t.registry.productionVersion(MODEL))?.version ?? null;
    const { requestId, digest } = await t.open(MODEL, version);
    await t.approve(MODEL, version, requestId);
    const named = { naturalKey: `promote/${requestId}`, model: MODEL, version, requestId, workflowId: name };
    const ground = { evidenceDigest: digest, expectedChampion: champion, rules: takesNames() };
    const { outcome } = await t.registry.promote({ ...named, ...ground });
    if (round % 3 !== 2) return outcome;
    const rollback = { naturalKey: `${name}/${round}`, model: MODEL, reason: 'r', requestedBy: 'x', allowed: ['x'] };
    return (await t.registry.rollBack(rollback)).outcome;
  } catch (error) {
    if (error instanceof Error && 'type' in error && error.type === 'StaleDecision') return 'stale';
    throw error;
  }
}

function print(line: string): void {
  stdout.write(`${line}\n`);
}
