/** Calls of node:fs, which run in Node's thread pool, as promises. */

import type { PoolCallback } from '../contract/files.js';
import { tracedRejection } from '../errors/index.js';

/** An error of the system's gets its awaiters' stack: Node's callbacks come on an empty one. */
export function called<Result>(call: (callback: PoolCallback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    try {
      call((error, result) => {
        if (error) resolve(tracedRejection(() => error));
        else resolve(result as Result);
      });
    } catch (error) {
      reject(error);
    }
  });
}
