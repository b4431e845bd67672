/** fs.createReadStream and createWriteStream, which know a handle for their `fd` by its class: also ringlet's. */
import { exchangeIn, nodeModule } from '../../base/node-modules.js';

type CreateStream = (path: unknown, options?: unknown) => unknown;
type Name = 'createReadStream' | 'createWriteStream';
type Handle = Record<Name, (options: object) => unknown>;

/** Node's handles are of another class, and have these calls as well. */
function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'createReadStream' in value;
}

function creator(name: Name): CreateStream {
  // No arrow function: Node's can be called with `new`.
  return function create(path, options) {
    const handle = typeof options === 'object' && options !== null && 'fd' in options && options.fd;
    if (isHandle(handle)) return handle[name](options as object);
    return nodeModule('node:fs')[name](path as string, options as object);
  };
}

/** Node's calls find ringlet's in their place. */
export function exchangeStreams(): void {
  exchangeIn('node:fs', {
    createReadStream: creator('createReadStream'),
    createWriteStream: creator('createWriteStream'),
  });
}
