/**
 * Every error that ringlet throws or rejects with, in the words and shape of Node's own.
 *
 * Misuse carries Node's `ERR_*` code, a system failure `errno`, `code`, `syscall` and what it was
 * about, an abort the signal's reason as `cause`. Depends on nothing but Node, and which one it is.
 */
export * from './errors/arguments.js';
export * from './errors/chains.js';
export type { CodedError } from './errors/coded.js';
export * from './errors/rejections.js';
export * from './errors/states.js';
export * from './errors/system-calls.js';
