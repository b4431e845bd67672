/**
 * `node --import ringlet/register app.js`: the drop-in in place of node:fs/promises, for a whole program.
 *
 * Node has one object for `fs.promises`, `require('fs/promises')` and the default import, so its functions
 * are exchanged in place; the named imports of ES modules follow by `syncBuiltinESMExports`. What has
 * taken a function from there before this ran keeps Node's. Worker threads do as their parent, since they
 * inherit `--import`; a child process does with `NODE_OPTIONS`.
 *
 * Whatever comes by callback or ends in Sync stays Node's.
 */
import fs from 'node:fs';
import nodePromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { FileHandle } from '../fs/file-handle.js';
import { dropIn } from './fs/drop-in.js';

type CreateStream = (path: unknown, options?: unknown) => unknown;

/** Node's two take a handle for their `fd`; by its class, of which ringlet's is none. */
function takingOurHandles(name: 'createReadStream' | 'createWriteStream'): void {
  const original = fs[name] as CreateStream;
  // No arrow function: Node's can be called with `new`.
  function create(path: unknown, options?: unknown): unknown {
    const handle = typeof options === 'object' && options !== null && 'fd' in options && options.fd;
    if (!(handle instanceof FileHandle)) return original(path, options);
    return handle[name](options as object);
  }
  Object.defineProperty(create, 'name', { value: name });
  Object.assign(fs, { [name]: create });
}

Object.assign(nodePromises, dropIn);
takingOurHandles('createReadStream');
takingOurHandles('createWriteStream');
syncBuiltinESMExports();
