/** `fs`: the default ring's file operations. Nothing is made before the first call. */
import { Concurrency } from '../fs/concurrency.js';
import { createFs, type Fs } from '../fs/fs.js';
import { backendOf } from './ring.js';

const concurrency = new Concurrency();

function makeFs(isPooled: boolean): Fs {
  return createFs(() => backendOf(undefined).files, isPooled, concurrency);
}

/** File operations on the default ring, which is made at the first call. */
export const fs: Fs = makeFs(true);

/** The same for programs that were written for Node's, where each content has memory of its own. */
export const fsForNodePrograms: Fs = makeFs(false);
