import { spawn } from 'node:child_process';
import { messageForPerson, runMain } from './message-for-person.ts';
import { elapsed } from './setup/report.ts';
import { ROOT } from './stack/stack-home.ts';

const HELP = `npm run verify [-- --fast]: everything that must hold before a change lands, one after the other, to the first that fails.

  format, lint, types, imports (who may import whom), unused (files, exports, dependencies), tests (the error catalogue,
  the replay of recorded histories and the links of the docs among them)

  --fast    without the tests
`;

/** The one gate: CI runs exactly this. */
const STEPS: readonly (readonly [name: string, script: string, ...args: string[]])[] = [
  ['format', 'format:check'],
  ['lint', 'lint'],
  ['types', 'types'],
  ['imports', 'imports'],
  ['unused code', 'unused'],
];

await runMain(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--fast');
  if (unknown !== undefined) throw messageForPerson(`npm run verify does not know "${unknown}"\n\n${HELP}`);
  const started = Date.now();
  for (const [name, script] of args.includes('--fast') ? STEPS : [...STEPS, ['tests', 'test'] as const]) {
    const begun = Date.now();
    process.stdout.write(`\n=== ${name}\n`);
    const code = await npmRun(script);
    process.stdout.write(`=== ${name}: ${code === 0 ? 'ok' : 'FAILED'} after ${elapsed(Date.now() - begun)}\n`);
    if (code !== 0) return code;
  }
  process.stdout.write(`\nverified in ${elapsed(Date.now() - started)}\n`);
  return 0;
});

function npmRun(script: string): Promise<number> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const child = spawn(npm, ['run', '--silent', script], { cwd: ROOT, stdio: 'inherit' });
  return new Promise((resolve, reject) => child.once('error', reject).once('exit', (code) => resolve(code ?? 1)));
}
