/**
 * Failed calls as rows of a table, and what they say, field by field.
 * For the suites that compare ringlet's errors with those of node:fs/promises on this Node.
 */
import { expect } from 'chai';
import { type CallError, DEADLINE_MS, within } from './eventually.js';

export type Call = (...parameters: unknown[]) => Promise<unknown>;

/** A call named by method and arguments, which may be of types that the compiler would refuse. */
export type Row = readonly [method: string, ...parameters: unknown[]];

/** What is compared. `stack` is each caller's own. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { fulfilledWith: typeof error };
  const fields = ['name', 'message', 'code', 'errno', 'syscall', 'path', 'dest'];
  return Object.fromEntries(fields.map((field) => [field, Reflect.get(error, field)]));
}

export async function outcomeOf(target: object, [method, ...parameters]: Row): Promise<unknown> {
  const call = Reflect.get(target, method) as Call;
  try {
    const value = await call.apply(target, parameters);
    // A handle opened by mistake must not count as left behind.
    if (method === 'open') await (value as { close(): Promise<void> }).close();
    return value;
  } catch (error) {
    return error;
  }
}

/** The row as one would write the call. */
export function titleOf([method, ...parameters]: Row): string {
  const shown = parameters.map((parameter) => {
    if (Buffer.isBuffer(parameter)) return `Buffer(${parameter.length})`;
    if (parameter instanceof URL) return `URL ${parameter.href}`;
    if (typeof parameter === 'number' || parameter === undefined) return String(parameter);
    const text = JSON.stringify(parameter);
    return text.length > 40 ? `${text.slice(0, 20)}…` : text;
  });
  return `${method}(${shown.join(', ')})`;
}

/** The rows of each method, in their order. */
export function byMethod<Entry extends Row>(rows: readonly Entry[]): [method: string, rows: Entry[]][] {
  const groups = new Map<string, Entry[]>();
  for (const row of rows) groups.set(row[0], [...(groups.get(row[0]) ?? []), row]);
  return [...groups];
}

/** That a call ended the way an abort ends it. */
export function expectAbort(error: CallError, reason: unknown): void {
  expect([error.name, error.code, error.message]).to.deep.equal([
    'AbortError',
    'ABORT_ERR',
    'The operation was aborted',
  ]);
  expect(error.cause).to.equal(reason);
}

/**
 * What becomes of a chain whose time limit is to end its part `index`. The limit, `leastMs` at first, grows until the
 * parts before that one have ended: on a busy machine they may take longer.
 */
export async function chainTimedOutAt(
  index: number,
  leastMs: number,
  run: (timeoutMs: number) => Promise<PromiseSettledResult<unknown>[]>,
): Promise<{ results: PromiseSettledResult<unknown>[]; timeoutMs: number }> {
  for (let timeoutMs = leastMs; ; timeoutMs *= 2) {
    const results = await within(`a chain with a time limit of ${timeoutMs} ms`, run(timeoutMs));
    const haveEnded = results.slice(0, index).every(({ status }) => status === 'fulfilled');
    if (haveEnded || 2 * timeoutMs > DEADLINE_MS) return { results, timeoutMs };
  }
}
