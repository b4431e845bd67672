/**
 * The calls of node:fs that take callbacks, as far as ringlet is no slower with them than Node's pool.
 *
 * A call that is written in another way than the usual one, that is wrong, or that ringlet has no quicker way for, is
 * Node's, with what it checks and throws. The callback comes as Node's does: on an empty stack, when all that was to
 * be done before is done, in the asynchronous context of the call; what it throws is the process's.
 */
import { createRequire } from 'node:module';
import { exchangeIn, nodeModule } from '../../base/node-modules.js';
import { setImmediate } from '../../base/real-timers.js';
import { isOnKernelRing } from './engine.js';

type Callback = (error: Error | null, ...results: unknown[]) => void;
/** Fulfilled with what the callback gets beside its error; LEFT for Node's own call. */
type Outcome = Promise<unknown[]> | undefined;
type Begin = (parameters: readonly unknown[]) => Outcome;
type NodeCall = (...parameters: unknown[]) => unknown;

const require = createRequire(import.meta.url);
const calls = (): typeof import('./file-calls.js') => require('./file-calls.js');

const NAMES = [
  'appendFile',
  'close',
  'fstat',
  'ftruncate',
  'lstat',
  'open',
  'read',
  'readFile',
  'readv',
  'stat',
  'write',
  'writev',
] as const;

/** Node's calls find ringlet's in their place. */
export function exchangeCallbacks(): void {
  exchangeIn('node:fs', {
    ...Object.fromEntries(NAMES.map((name) => [name, callOf(name)])),
    closeSync: function closeSync(fd: unknown) {
      if (isLoaded && calls().closeAtOnce(fd)) return;
      nodeModule('node:fs').closeSync(fd as number);
    },
  });
}

/** Whether a call has come to ringlet: before that it has no descriptor. */
let isLoaded = false;

function callOf(name: (typeof NAMES)[number]): NodeCall {
  const node = nodeModule('node:fs');
  let begin: Begin | undefined;
  return function exchanged(this: unknown, ...parameters) {
    const callback = parameters.at(-1);
    if (typeof callback === 'function' && isOnKernelRing()) {
      isLoaded = true;
      begin ??= calls().BEGIN[name];
      const outcome = begin(parameters);
      if (outcome !== undefined) {
        tell(outcome, callback as Callback, () => Reflect.apply(node[name], this, parameters));
        return undefined;
      }
    }
    return Reflect.apply(node[name], this, parameters);
  };
}

function tell(outcome: Promise<unknown[]>, callback: Callback, callNode: () => void): void {
  outcome.then(
    (results) => {
      if (results === calls().LEFT) callNode();
      else setImmediate(callBack, callback, null, ...results);
    },
    (error: Error) => setImmediate(callBack, callback, error),
  );
}

/** Without a `this`, as Node's: an Immediate's own is the Immediate. */
function callBack(callback: Callback, ...outcome: Parameters<Callback>): void {
  callback(...outcome);
}
