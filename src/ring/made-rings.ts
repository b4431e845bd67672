/** The rings that this thread has made: how they are called, and what NODE_DEBUG=ringlet says of each. */
import { debuglog } from 'node:util';
import type { Backend } from '../contract/backend.js';

/** `NODE_DEBUG=ringlet` prints it to standard error. */
const log = debuglog('ringlet');
let madeCount = 0;

/** The name of a ring that was given none: which one of the thread's it is. */
export function nextName(): string {
  madeCount += 1;
  return `ring ${madeCount}`;
}

/** Says which backend a ring got and why, and what it does without. */
export function logMade(ringName: string, { name, profile }: Backend, reason: string | null): void {
  if (!log.enabled) return;
  const { kind, submissionEntries, completionEntries, sqPoll, degraded } = profile;
  const why = reason === null ? '' : `, because ${reason}`;
  if (name === 'node') {
    log('%s: node%s', ringName, why || ', as its options say');
    return;
  }
  const thread = !sqPoll
    ? ''
    : sqPoll.group === null
      ? ' on a thread of its own'
      : ` on thread ${sqPoll.threadIndex} of group ${sqPoll.group}`;
  const entries = `${submissionEntries} and ${completionEntries} entries`;
  log('%s: %s, %s%s, %s%s', ringName, name, kind, thread, entries, why);
  for (const { what, reason: lack } of degraded) log('%s: without %s, %s', ringName, what, lack);
}
