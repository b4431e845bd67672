/** `fs`: the default ring's file operations. Nothing is made before the first call. */
import { createFs, type Fs } from '../fs/fs.js';
import { backendOf } from './ring.js';

/** File operations on the default ring, which is made at the first call. */
export const fs: Fs = createFs(() => backendOf(undefined).files);
