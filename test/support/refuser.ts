/** Where io_uring_setup fails on purpose: a launcher that puts a seccomp filter before a program. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { PACKAGE_ROOT } from './child.js';
import { skip } from './skip.js';
import { python } from './python.js';

const SCRIPT = join(PACKAGE_ROOT, 'test/support/refuse-io-uring.py');

/**
 * For `ChildOptions.launcher`.
 *
 * @param refusal an errno's name, as in 'ENOMEM>512' for larger rings only; 'KILL' ends the process with SIGSYS;
 *   'openat2:EPERM' refuses that call instead, and 'epoll_ctl[2]:ENOSPC>60' one by its third argument.
 */
export function refusing(refusal: string): string[] {
  return [python(), SCRIPT, refusal];
}

/** Skips unless a filter can be installed here at all; then the refusal is known to be the kernel's. */
export function needsSeccomp(context: Context): void {
  const [program = '', ...rest] = refusing('EPERM');
  try {
    execFileSync(program, [...rest, 'true'], { stdio: 'pipe' });
  } catch (error) {
    skip(context, `no seccomp filter can be installed here: ${(error as Error).message}`);
  }
}
