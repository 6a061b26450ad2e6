const leaders = new Set<number>();
let hooked = false;

/** Kills all of the process group that `pid` leads; what is gone already is fine. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/** Has the group killed when this process exits, however it comes to that; returns how to take that back. */
export function killGroupAtExit(pid: number | undefined): () => void {
  if (pid === undefined) return () => undefined;
  if (!hooked) process.on('exit', () => leaders.forEach(killGroup));
  hooked = true;
  leaders.add(pid);
  return () => leaders.delete(pid);
}
