/** Programs of the system that tests talk to. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { skip } from './skip.js';

/**
 * The environment of the tests without what an address sanitizer has put in front of every program: it is for
 * the addon, and keeps programs that nobody here wrote from starting or from ending well.
 */
export const ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env };
delete ENVIRONMENT.LD_PRELOAD;
delete ENVIRONMENT.ASAN_OPTIONS;

/** Where the shell finds a program; '' when it does not. */
export function findProgram(name: string): string {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], {
    encoding: 'utf8',
    env: ENVIRONMENT,
  });
  return status === 0 ? stdout.trim() : '';
}

/** Skips a test where a program is missing, and says which. */
export function needs(context: Mocha.Context, program: string): void {
  if (findProgram(program) === '') skip(context, `${program} is not installed`);
}

/** Whether somebody listens on a Unix socket, which is a while after its path is there. */
export function isListeningOn(path: string): boolean {
  // __SO_ACCEPTCON (include/uapi/linux/net.h), in the fourth column.
  const LISTENING = '00010000';
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((line) => line.endsWith(` ${path}`) && line.split(/\s+/)[3] === LISTENING);
}
