/**
 * node:fs/promises and calls of node:fs for a whole program, on the default ring.
 *
 * Node has one object for `fs.promises`, `require('fs/promises')` and the default import, so its functions
 * are exchanged in place; the named imports of ES modules follow by `syncBuiltinESMExports`. What has
 * taken a function from there before this ran keeps Node's. Worker threads do as their parent, since they
 * inherit `--import`; a child process does with `NODE_OPTIONS`. What ends in Sync stays Node's.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { exchangeCallbacks } from './callbacks.js';
import { exchangeStreams } from './create-streams.js';
import { isLeftToNode } from './engine.js';
import { exchangePromises } from './promises.js';
import { onRequest } from './on-request.js';

const PROMISES = 'fs/promises';

/** The property of node:fs is what loads them, for ES modules that import node:fs as well. */
function watchProperty(exchangeOnce: () => void): void {
  const property = Object.getOwnPropertyDescriptor(fs, 'promises');
  const get = property?.get;
  if (get === undefined || property?.configurable !== true) {
    exchangeOnce();
    return;
  }
  Object.defineProperty(fs, 'promises', {
    ...property,
    get() {
      // Not again, for the exchange asks for it, too.
      Object.defineProperty(fs, 'promises', property);
      exchangeOnce();
      return get.call(fs) as unknown;
    },
  });
}

/** Exchanges them. */
export function registerFiles(): void {
  if (isLeftToNode()) return;
  let isExchanged = false;
  const exchangeOnce = (): void => {
    if (isExchanged) return;
    isExchanged = true;
    exchangePromises();
    syncBuiltinESMExports();
  };
  exchangeCallbacks();
  exchangeStreams();
  watchProperty(exchangeOnce);
  onRequest(PROMISES, exchangeOnce);
  syncBuiltinESMExports();
}
