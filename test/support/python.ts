/**
 * Where Python is. What `python3` names may be a launcher that looks for a version each time, and takes several
 * times as long for that as a small script takes to run.
 */
import { spawnSync } from 'node:child_process';

const ASK = ['-c', 'import sys; print(sys.executable)'];

let found: string | undefined;

/** The interpreter behind `python3`; that name itself where it can't be asked. */
export function python(): string {
  found ??= spawnSync('python3', ASK, { encoding: 'utf8' }).stdout?.trim() || 'python3';
  return found;
}
