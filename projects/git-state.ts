import { execFile } from 'node:child_process';
import { SuperstepError } from '../contracts/failure-types.ts';

/** What git says about a project's folder. */
export interface GitState {
  /** The commit that is checked out; null where there is no git, no repository, or no commit yet. */
  readonly commit: string | null;
  /** Whether the folder's files equal the commit; null where there is no git or no repository. */
  readonly clean: boolean | null;
}

const TIMEOUT_MS = 15_000;
const WITHOUT_GIT: GitState = { commit: null, clean: null };

/**
 * Says which commit a folder is at and whether it is clean: nothing in the folder changed, staged, or untracked, and
 * the given files are in the commit. What lies elsewhere in the repository does not count.
 *
 * A repository that git refuses to read (for example one of another owner) is not clean: nobody can say that it is.
 *
 * @param files files of the project, relative to the folder, that must be tracked (an ignored file is not in any commit)
 * @throws SuperstepError ChildProcessFailed (retried) when git does not answer in time
 */
export async function gitState(folder: string, files: readonly string[] = ['project.yaml']): Promise<GitState> {
  const head = await git(folder, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  if (head.kind === 'absent') return WITHOUT_GIT;
  if (head.kind === 'failed') {
    const inside = await git(folder, ['rev-parse', '--is-inside-work-tree']);
    const isElsewhere = inside.kind === 'absent' || inside.output.trim() === 'false';
    return isElsewhere ? WITHOUT_GIT : { commit: null, clean: false };
  }
  const commit = head.output.trim();
  const status = await git(folder, ['status', '--porcelain=v1', '-z', '--untracked-files=all', '--', '.']);
  const tracked = await git(folder, ['ls-files', '-v', '-z', '--', '.']);
  const answered = status.kind === 'answered' && tracked.kind === 'answered';
  return { commit, clean: answered && status.output === '' && holdsFiles(tracked.output, files) };
}

/** Whether each file is tracked, and none is hidden from `status` (assume-unchanged, skip-worktree): tag `H` for all. */
function holdsFiles(listing: string, files: readonly string[]): boolean {
  const entries = listing.split('\0').filter((entry) => entry !== '');
  const names = new Set(entries.map((entry) => entry.slice(2)));
  return entries.every((entry) => entry.startsWith('H ')) && files.every((file) => names.has(file));
}

interface GitAnswer {
  readonly kind: 'answered' | 'failed' | 'absent';
  readonly output: string;
}

/** A caller's GIT_* variables (git sets them for its hooks) would point at another repository. */
const UNSET = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_COMMON_DIR', 'GIT_NAMESPACE'];
const ENVIRONMENT = [
  ...UNSET.flatMap((name) => ['-u', name]),
  'LC_ALL=C',
  // Reading must not take the lock that a person's own git command needs.
  'GIT_OPTIONAL_LOCKS=0',
  'GIT_TERMINAL_PROMPT=0',
];
/** The repository's own configuration may name programs to run. */
const OPTIONS = ['--no-pager', '--literal-pathspecs', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];
/** What `env` exits with when there is no such program. */
const NOT_FOUND = 127;

function git(folder: string, args: readonly string[]): Promise<GitAnswer> {
  return new Promise((resolve, reject) => {
    execFile(
      'env',
      [...ENVIRONMENT, 'git', ...OPTIONS, ...args],
      { cwd: folder, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, output, complaint) => {
        if (error === null) return resolve({ kind: 'answered', output });
        if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return resolve({ kind: 'failed', output });
        if (error.killed === true) return reject(tooSlow(folder, args));
        const absent = [NOT_FOUND, 'ENOENT'].includes(error.code ?? '') || complaint.includes('not a git repository');
        resolve({ kind: absent ? 'absent' : 'failed', output });
      },
    );
  });
}

function tooSlow(folder: string, args: readonly string[]): SuperstepError {
  return new SuperstepError(
    'ChildProcessFailed',
    `git ${args[0] ?? ''} did not answer within ${TIMEOUT_MS / 1000} s in ${folder}; is the disk slow or the repository huge?`,
    { folder },
  );
}
