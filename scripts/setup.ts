import { runMain } from './message-for-person.ts';
import { ensureNativeParts } from './setup/native-parts.ts';

const HELP = `npm run setup: finds or makes the parts that do not come with npm, and says where they are. npm start does it too.
`;

/** `npm run setup`: finds or makes the native parts and says where they are. */
await runMain(async () => {
  const [argument] = process.argv.slice(2);
  if (argument !== undefined) {
    process.stdout.write(HELP);
    return argument === '--help' || argument === '-h' ? 0 : 2;
  }
  const started = performance.now();
  const parts = await ensureNativeParts((line) => process.stdout.write(`${line}\n`));
  process.stdout.write(
    [
      `Temporal CLI       ${parts.temporalCli ?? `not needed: TEMPORAL_ADDRESS names a server`}`,
      `DuckDB extensions  ${parts.duckdbExtensions}`,
      `LightGBM           ${parts.lightgbmLib}`,
      `MLflow web UI      ${parts.mlflowUi ?? 'not there, see above'}`,
      `ready in ${((performance.now() - started) / 1000).toFixed(1)} s`,
      '',
    ].join('\n'),
  );
  return 0;
});
