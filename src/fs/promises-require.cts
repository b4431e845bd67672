/**
 * `require('ringlet/fs/promises')`: the drop-in itself, as `require('node:fs/promises')` is Node's module.
 *
 * CommonJS has no other words for it than these two, which are refused elsewhere because Node can't
 * run them as they are.
 */
// @ts-expect-error
import promises = require('./promises.js');

// @ts-expect-error
export = promises.default;
