/** Programs of the system that tests talk to. */
import { spawnSync } from 'node:child_process';

/** Where the shell finds a program; '' when it does not. */
export function findProgram(name: string): string {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}
