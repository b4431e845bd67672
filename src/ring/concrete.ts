/** Both backends, for `select.ts`, which loads this when the first ring is made. */
export { createNodeBackend } from '../node/index.js';
export { createUringBackend, RingRefusedError } from '../uring/index.js';
