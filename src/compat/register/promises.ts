/** node:fs/promises for a whole program: the drop-in, which is loaded by the first call. */
import { createRequire } from 'node:module';
import { exchangeIn, nodeModule } from '../../base/node-modules.js';
import { isNodeAtLeast } from '../../base/node-version.js';
import { ringKind } from './engine.js';

type Call = (...parameters: unknown[]) => unknown;
type Calls = Record<string, Call>;

const require = createRequire(import.meta.url);
const dropIn = (): Calls =>
  (require('../fs/drop-in.js') as typeof import('../fs/drop-in.js')).dropIn as unknown as Calls;
const node = (): Calls => nodeModule('node:fs/promises') as unknown as Calls;

/** The drop-in has Node's own. */
const KEPT = new Set(['watch', 'glob']);

/** Modules are read by a call of this module's, of a URL and nothing else. */
const IS_CALLED_BY_LOADER = !isNodeAtLeast(24);

/** Node's calls find the drop-in in their place. */
export function exchangePromises(): void {
  const names = Object.entries(process.getBuiltinModule('node:fs/promises'))
    .filter(([name, value]) => typeof value === 'function' && !KEPT.has(name))
    .map(([name]) => name);
  exchangeIn('node:fs/promises', Object.fromEntries(names.map((name) => [name, callOf(name)])));
}

function callOf(name: string): Call {
  let call: Call | undefined;
  const find = (): Call => (ringKind() === 'node' ? node() : dropIn())[name] as Call;
  const isForLoader = (parameters: unknown[]): boolean =>
    IS_CALLED_BY_LOADER && name === 'readFile' && parameters.length === 1 && parameters[0] instanceof URL;
  return function exchanged(...parameters) {
    if (isForLoader(parameters)) return node().readFile?.(...parameters);
    call ??= find();
    return call(...parameters);
  };
}
