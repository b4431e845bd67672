/**
 * What carries the calls of a program that knows nothing of ringlet, which is found out by the first of them: only
 * then is ringlet loaded, and a ring made.
 */
import { createRequire } from 'node:module';
import { debuglog } from 'node:util';
import { hasPermissionModel } from '../../base/permission-model.js';

type Backend = import('../../contract/backend.js').Backend;

const require = createRequire(import.meta.url);
const ring = (): typeof import('../../ring/ring.js') => require('../../ring/ring.js');

const log = debuglog('ringlet');
const told = new Set<string>();

/** One line for what stays Node's and why, with NODE_DEBUG=ringlet; once. */
export function tellLeft(what: string, why: string): void {
  const line = `register: ${what} left to Node: ${why}`;
  if (told.has(line)) return;
  told.add(line);
  log('%s', line);
}

/** Whether Node's modules are to stay as they are altogether, as far as that is known without a ring. */
export function isLeftToNode(): boolean {
  const isAsked = process.env.RINGLET_BACKEND === 'node';
  if (isAsked) tellLeft('everything', "RINGLET_BACKEND is 'node'");
  if (hasPermissionModel()) tellLeft('everything', 'the permission model is on');
  return isAsked || hasPermissionModel();
}

let kind: Backend['name'] | undefined;

/** What the default ring runs on. Makes it. */
export function ringKind(): Backend['name'] {
  if (kind === undefined) {
    kind = ring().backendOf(undefined).name;
    if (kind === 'node') tellLeft('everything', 'there is no ring');
    if (kind === 'epoll') tellLeft('callbacks and sockets', 'the ring is one in user space');
  }
  return kind;
}

/** Whether the default ring is one of the kernel's. With others, callbacks and sockets of Node's cost less. */
export function isOnKernelRing(): boolean {
  return ringKind() === 'io_uring';
}
