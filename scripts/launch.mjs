// node scripts/launch.mjs <script> [arguments]: the entry of every npm script. Runs scripts/<script>.ts, on a fresh clone
// too: Node's version is checked, and packages are installed when they are missing or older than package-lock.json.
// Plain JavaScript without dependencies, since it comes before them. The script runs in this very process, so that
// signals, terminal and exit code are its own and no middle man can die between.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_NEEDED = [20, 20];
const TOLD_EVERY_MS = 15_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules', '.superstep-installed');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])) return;
  fail(
    `Superstep needs Node ${NODE_NEEDED.join('.')} or newer, but this is ${process.versions.node} (${process.execPath}). ` +
      `Install a newer one: https://nodejs.org/en/download`,
  );
}

function wantedStamp() {
  const digest = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return `${digest} ${process.platform}-${process.arch}`;
}

// Packages may also have been installed by hand: then npm's own record is younger than the lock file.
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  if (statSync(record).mtimeMs >= statSync(lockFile).mtimeMs) return true;
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// Two starts at once: one installs, the other waits for it. A dead holder's lock is removed.
async function withInstallLock(work) {
  const folder = join(root, '.superstep');
  const path = join(folder, 'install.lock');
  mkdirSync(folder, { recursive: true });
  const aside = `${path}.${randomUUID()}`;
  writeFileSync(aside, JSON.stringify({ pid: process.pid, host: hostname() }));
  let told = false;
  for (;;) {
    try {
      linkSync(aside, path);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let holder;
    try {
      holder = JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      continue; // It has just been given back.
    }
    if (holder.host === hostname() && !isAlive(holder.pid)) rmSync(path, { force: true });
    else {
      if (!told) process.stderr.write(`process ${holder.pid} is installing packages; waiting for it\n`);
      told = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    }
  }
  rmSync(aside);
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

// npm itself says nothing for as long as it works, where no terminal shows its wheel.
async function runToEnd(command, args) {
  const started = Date.now();
  const tell = () => process.stderr.write(`  ${Math.round((Date.now() - started) / 1000)} s so far\n`);
  const timer = setInterval(tell, TOLD_EVERY_MS);
  try {
    return await new Promise((resolve, reject) => {
      // stdout belongs to the script that comes after.
      spawn(command, args, {
        cwd: root,
        stdio: ['ignore', 2, 2],
        env: { ...process.env, NODE_ENV: 'development' },
        shell: process.platform === 'win32',
      })
        .once('error', reject)
        .once('close', resolve);
    });
  } catch (error) {
    fail(`npm cannot be run: ${error.message}. It comes with Node: https://nodejs.org/en/download`);
  } finally {
    clearInterval(timer);
  }
}

// Where GitHub cannot be reached, sqlite3 is compiled, for which node-gyp wants Node's headers.
function headersHint() {
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h'))
    ? prefix
    : '<the folder that holds include/node>';
  return `Where it could not download Node's headers (node-gyp, nodejs.org), name those of this machine: npm_config_nodedir=${headers} npm ci`;
}

async function install() {
  const why = existsSync(join(root, 'node_modules')) ? 'package-lock.json has changed' : 'node_modules is missing';
  process.stderr.write(`installing packages (${why}): npm ci, a minute or two ...\n`);
  const npm = process.env.npm_execpath;
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, 'ci']] : ['npm', ['ci']];
  const code = await runToEnd(command, args);
  if (code !== 0) fail(`npm ci failed with code ${code}; its messages are above. ${headersHint()}`);
  writeFileSync(stampFile, wantedStamp());
}

checkNode();
const [script, ...args] = process.argv.slice(2);
const file = join(root, 'scripts', `${script}.ts`);
if (script === undefined || !/^[\w-]+$/.test(script) || !existsSync(file)) {
  fail(`usage: node scripts/launch.mjs <script> [arguments]; there is no scripts/${script}.ts`);
}
if (!isInstalled()) await withInstallLock(() => isInstalled() || install());
process.argv = [process.argv[0], file, ...args];
await import('tsx');
await import(pathToFileURL(file).href);
