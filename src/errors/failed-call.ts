/** An error of a system call, as node:fs makes it from an errno. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** A failed system call and what it was about. */
export interface FailedCall {
  syscall: string;
  path?: string | Buffer | undefined;
  dest?: string | Buffer | undefined;
}

export function failedCallError(
  errno: number,
  text: string,
  { syscall, path, dest }: FailedCall,
  detail = '',
  options?: ErrorOptions,
): NodeJS.ErrnoException {
  const { code } = describeErrno(errno);
  const from = path === undefined ? undefined : String(path);
  const to = dest === undefined ? undefined : String(dest);
  let message = `${code}: ${text}, ${syscall}`;
  if (from !== undefined) message += ` '${from}'`;
  if (to !== undefined) message += ` -> '${to}'`;
  const error: NodeJS.ErrnoException & { dest?: string } = new Error(message + detail, options);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (from !== undefined) error.path = from;
  if (to !== undefined) error.dest = to;
  return error;
}

/** What a ring may say and Node has no name for. */
const RING_ERRORS = new Map<number, [code: string, text: string]>([
  [-53, ['EBADR', 'completions were dropped for want of memory']],
]);

let systemErrors: ReadonlyMap<number, [code: string, text: string]> | undefined;

/** Both names and numbers of an error the kernel may return, known to libuv or not. */
export function describeErrno(errno: number): { code: string; text: string } {
  // Node makes the map anew at each call.
  systemErrors ??= getSystemErrorMap();
  const known = systemErrors.get(errno) ?? RING_ERRORS.get(errno);
  if (known) return { code: known[0], text: known[1] };
  const text = `Unknown system error ${errno}`;
  for (const [code, number] of Object.entries(constants.errno)) {
    if (number === -errno) return { code, text };
  }
  return { code: text, text };
}
