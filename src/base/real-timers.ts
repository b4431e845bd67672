/**
 * Node's timers and queues as they are when ringlet is loaded. What a test puts in their place afterwards is for
 * the program that it tests: sockets go on by the real ones, as Node's own do.
 */
export const { setImmediate, setTimeout, clearTimeout } = globalThis;
export const { nextTick } = process;
