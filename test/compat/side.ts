/**
 * One of the two that are compared: an implementation of node:fs/promises, and the directory it works in.
 */
import { readFileSync } from 'node:fs';
import { within } from '../support/eventually.js';
import type { World } from './world.js';

/** Of a close that mostly takes microseconds; one that misses it is no difference, only a handle that stays. */
const CLOSE_DEADLINE_MS = 100;

/** Kept for good. */
const unclosable: Handle[] = [];

/** Looked up by name: an older Node has fewer calls, and types would refuse what is wrong on purpose. */
export type Api = object;

/** What a handle is asked for by the tests themselves. */
export interface Handle {
  readonly fd: number;
  close(): Promise<void>;
}

export interface Side {
  readonly api: Api;
  readonly root: string;
  /** Opens a file by this side's own `open`, to be closed with the others after the case. */
  open(name: string, flags: string): Promise<Handle>;
  openAndClose(name: string): Promise<Handle>;
  /** Closes what `open` opened, and says where the cursors were. */
  closeAll(): Promise<string[]>;
}

type Open = (path: string, flags: string) => Promise<Handle>;

export function createSide(api: Api, world: World): Side {
  const handles: Handle[] = [];
  const open = (name: string, flags: string): Promise<Handle> =>
    (Reflect.get(api, 'open') as Open).call(api, name, flags);
  return {
    api,
    root: world.root,
    async open(name, flags) {
      const handle = await open(name, flags);
      handles.push(handle);
      return handle;
    },
    async openAndClose(name) {
      const handle = await open(name, 'r');
      await handle.close();
      return handle;
    },
    async closeAll() {
      const cursors: string[] = [];
      for (const handle of handles.splice(0)) {
        cursors.push(describeDescriptor(handle));
        if (handle.fd === -1) continue;
        try {
          await within('closing a handle', handle.close(), CLOSE_DEADLINE_MS);
        } catch {
          // With Node, a stream that failed while it was made holds it for ever. Collected, it would end the process.
          unclosable.push(handle);
        }
      }
      return cursors;
    },
  };
}

/** The cursor and the flags of an open file, as the kernel sees them. */
export function describeDescriptor({ fd }: Handle): string {
  if (fd === -1) return 'closed';
  const [position, flags] = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').split('\n');
  return `${position} ${flags}`.replaceAll('\t', ' ');
}
