import fc from 'fast-check';
import { runActor, scenarios } from './scenarios.ts';
import { openWorld, type Turn } from './world.ts';

/**
 * A process of its own that plays on the registry of a folder: `interleavings-process.ts <folder> <mark> <seed> <plays>`.
 * Prints a line when a play has ended. Other processes play on the same models at the same time.
 */
const [folder = '', mark = '', seed = '0', plays = '0'] = process.argv.slice(2);
process.stdin.on('end', () => process.exit(2)).resume();

const world = await openWorld({ folder, now: () => new Date() });
const atOnce: Turn = (_, call) => call();
const reached = new Set<string>();
for (const { past, actors } of fc.sample(scenarios('refused'), { seed: Number(seed), numRuns: Number(plays) })) {
  const all = [...past, ...actors];
  await Promise.all(all.map((actor, i) => runActor(world, i, mark, actor, 'refused', atOnce, reached)));
  process.stdout.write(`${JSON.stringify([...reached])}\n`);
}
await world.close();
process.exit(0);
