/** `fs`: the default ring's file operations. Nothing is made before the first call. */
import { createFs, type Fs } from './fs/fs.js';
import { backendOf } from './ring.js';

export const fs: Fs = createFs(() => backendOf(undefined).files);
