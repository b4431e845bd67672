/**
 * Every error that ringlet throws or rejects with, in the words and shape of Node's own.
 *
 * Misuse carries Node's `ERR_*` code, a system failure `errno`, `code`, `syscall` and what it was
 * about, an abort the signal's reason as `cause`. Depends on nothing but Node, and which one it is.
 */
export * from './arguments.js';
export * from './chains.js';
export type { CodedError } from './coded.js';
export type { FailedCall } from './failed-call.js';
export * from './rejections.js';
export * from './states.js';
export * from './system-calls.js';
