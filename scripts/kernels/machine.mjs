/** What guests of both kinds have: an empty disk, their first process, what they are told, and an end. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MEMORY_BYTES = 2560 * 2 ** 20;
/** The guest's first process. */
export const INIT = fileURLToPath(new URL('guest-init', import.meta.url));
const DISK_BYTES = 8 * 2 ** 30;

/** An empty file system in a sparse file, of a folder's own. */
export function makeDisk(out) {
  const disk = join(out, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, DISK_BYTES);
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', disk]);
  return disk;
}

/** Settings as a kernel takes them, for its first process's environment. */
export function kernelParameters(settings) {
  const parameters = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const broken = parameters.find((parameter) => /\s/.test(parameter));
  if (broken) throw new Error(`a path with a space can't be told to a kernel: ${broken}`);
  return parameters;
}

/**
 * Runs the program that is the machine, its output going to `console`, and ends it at the latest after `limitMs`.
 *
 * @returns whether it has ended by itself.
 */
export async function runMachine(program, argv, { out, env, limitMs }) {
  const output = openSync(join(out, 'console'), 'w');
  const machine = spawn(program, argv, { stdio: ['ignore', output, output], env, detached: true });
  const end = () => process.kill(-machine.pid, 'SIGKILL');
  const timer = setTimeout(end, limitMs);
  process.once('exit', end);
  const status = await new Promise((resolve, reject) => {
    machine.on('error', reject).on('exit', resolve);
  });
  clearTimeout(timer);
  process.off('exit', end);
  closeSync(output);
  return status === 0;
}
