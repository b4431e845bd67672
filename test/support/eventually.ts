/**
 * Waiting with a deadline, and never by a fixed sleep, but where time itself is what is tested.
 *
 * Every wait names what it waits for, so that a failure says what did not happen.
 * Depends on nothing of the library.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** So many times as long as usual, on a machine that is so much slower. */
export const PATIENCE = Number(process.env.RINGLET_TEST_PATIENCE ?? 1);

/** How long anything in the tests may take before it counts as hung, in milliseconds. */
export const DEADLINE_MS = 10_000 * PATIENCE;

const PROBE_INTERVAL_MS = 3;

/** Probes until `condition` holds; rejects, naming `what`, once the deadline has passed. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() >= deadline) throw new Error(`${what}: not so within ${deadlineMs} ms`);
    await delay(PROBE_INTERVAL_MS);
  }
}

/** The promise's own outcome, or a rejection that names `what` when it is still pending at the deadline. */
export async function within<Value>(
  what: string,
  promise: PromiseLike<Value>,
  deadlineMs = DEADLINE_MS,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: still pending after ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets the event loop go round `count` times, timers and input included. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await delay(0);
}

/** Time for something to happen that must not. */
export async function whileNothingHappens(ms: number): Promise<void> {
  await delay(ms);
}

/** A gap between two steps of a test, for what depends on its length. */
export async function pause(ms: number): Promise<void> {
  await delay(ms);
}

/** Whether the promise has not settled after some turns of the event loop. Never leaves a rejection unhandled. */
export async function isPending(promise: PromiseLike<unknown>, turnCount = 10): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await turns(turnCount);
  return !isSettled;
}

/** What a failed call may carry. */
export interface CallError extends NodeJS.ErrnoException {
  dest?: string;
  address?: string;
  port?: number;
  cause?: unknown;
}

/** The error a promise rejects with; fails when it fulfils or stays pending. */
export async function rejection(
  promise: PromiseLike<unknown>,
  what = 'the call',
  deadlineMs = DEADLINE_MS,
): Promise<CallError> {
  let value: unknown;
  try {
    value = await within(what, promise, deadlineMs);
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`${what} rejected with something that is no Error`, { cause: error });
  }
  throw new Error(`${what} was to reject and fulfilled`, { cause: value });
}

/** The errors of calls that were all started already, by their names; each must reject. */
export async function rejections(
  calls: Readonly<Record<string, PromiseLike<unknown>>>,
): Promise<[name: string, error: CallError][]> {
  const each = async ([name, call]: [string, PromiseLike<unknown>]): Promise<[string, CallError]> => {
    return [name, await rejection(call, name)];
  };
  return Promise.all(Object.entries(calls).map(each));
}
