/** Chooses a ring's backend once, and explains a refusal in terms of what the user can change. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, ENOSYS, EPERM } from '../base/errno.js';
import type { Backend } from '../contract/backend.js';
import type { RingSettings } from '../contract/ring-settings.js';
import { backendUnavailableError } from '../errors/index.js';
import { lockedMemoryHint } from '../native/locked-memory.js';
import { ruleOn } from '../native/ruling.js';

// Loaded when a ring is made: an import alone does not need them, and they are most of the code. The package's
// bundle has a plain `require` here, which other bundlers follow (scripts/bundle.mjs).
const require = createRequire(import.meta.url);
const backends = (): typeof import('./concrete.js') => require('./concrete.js');

interface Selection {
  backend: Backend;
  /** Why it is not io_uring although that was not ruled out; null when it is, or when another was asked for. */
  reason: string | null;
}

function firstNumberIn(path: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

/** The likely cause of a refused io_uring_setup(2), by its negated errno. */
export function explainRefusal(errno: number): string {
  const code =
    Object.entries(constants.errno).find(([, number]) => number === -errno)?.[0] ?? `errno ${-errno}`;
  const isSeccomp = (firstNumberIn('/proc/self/status', /^Seccomp:\s*(\d)/m) ?? 0) > 0;
  const disabled = firstNumberIn('/proc/sys/kernel/io_uring_disabled', /(\d)/) ?? 0;
  switch (errno) {
    case EPERM:
    case EACCES:
      if (disabled > 0) {
        return `io_uring_setup failed with ${code}: the sysctl kernel.io_uring_disabled is ${disabled}`;
      }
      if (isSeccomp) {
        return `io_uring_setup failed with ${code}: a seccomp filter is active, as containers' default profiles have it`;
      }
      return `io_uring_setup failed with ${code}: a security policy forbids it`;
    case ENOSYS:
      return isSeccomp
        ? `io_uring_setup failed with ${code}: a seccomp filter hides it, or the kernel has no io_uring`
        : `io_uring_setup failed with ${code}: the kernel has no io_uring`;
    case ENOMEM:
      return `io_uring_setup failed with ${code}, memory was refused even for the smallest ring allowed${lockedMemoryHint()}`;
    case EMFILE:
    case ENFILE:
      return `io_uring_setup failed with ${code}: too many open files`;
    default:
      return `io_uring_setup failed with ${code}`;
  }
}

/** The same of a ring in user space, whose own descriptors or memory were refused. */
function explainEpollRefusal(errno: number): string {
  const causes: Readonly<Record<number, string>> = {
    [EMFILE]: ', too many open files',
    [ENFILE]: ', too many open files',
    [ENOMEM]: ', memory was refused',
    [ENOSPC]: ', the sysctl fs.epoll.max_user_watches leaves no room',
  };
  return `epoll makes no ring: ${getSystemErrorName(errno)}${causes[errno] ?? ''}`;
}

/** Why there is no ring, when that is what the error is about. */
export function reasonFor(error: unknown): string | undefined {
  if (error instanceof backends().RingRefusedError) {
    const { kernel, errno } = error;
    return kernel === 'io_uring' ? explainRefusal(errno) : explainEpollRefusal(errno);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_RINGLET_UNAVAILABLE') return undefined;
  return message.replace(/^(io_uring|epoll) is unavailable: /, '');
}

/**
 * @throws ERR_RINGLET_UNAVAILABLE when a ring was asked for, by options or environment, and can't be had; an option's
 * own error when it is the options that are wrong, ERR_INVALID_ARG_VALUE when it is the environment.
 */
export function selectBackend(settings: RingSettings): Selection {
  const { choice, reason: ruled } = ruleOn(settings.backend);
  const { createUringBackend, createNodeBackend } = backends();
  if (choice === 'node') return { backend: createNodeBackend(settings), reason: ruled };
  if (choice !== 'auto') {
    try {
      return { backend: createUringBackend(choice, settings, false), reason: ruled };
    } catch (error) {
      const reason = reasonFor(error);
      throw reason === undefined ? error : backendUnavailableError(reason, choice);
    }
  }
  const reasons: string[] = [];
  for (const kernel of ['io_uring', 'epoll'] as const) {
    try {
      return { backend: createUringBackend(kernel, settings, true), reason: reasons[0] ?? null };
    } catch (error) {
      const reason = reasonFor(error);
      if (reason === undefined) throw error;
      // Without the addon it is the same for both.
      if (!reasons.includes(reason)) reasons.push(reason);
    }
  }
  return { backend: createNodeBackend(settings), reason: reasons.join('; ') };
}
