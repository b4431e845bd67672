/** A case as a script: makes the arguments, calls, and takes in whatever comes back to its end. */
import { Dir } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { turns } from '../support/eventually.js';
import type { Case } from './cases.js';
import type { Script } from './comparison.js';
import { describeError, describeValue, type Surroundings } from './describe-value.js';
import { describeDescriptor, type Handle, type Side } from './side.js';

/** Of the event loop, within which a stream that is done has closed its file. */
const CLOSING_TURNS = 100;

type Call = (...given: unknown[]) => unknown;

/** Calls `case.method` of the side's fs/promises. */
export function callScript({ method, given }: Case): Script {
  return async (side, around) => callOn(side.api, method, await makeAll(given, side, around), around);
}

/** Opens `file`, calls `case.method` of the handle, and looks at the handle afterwards. */
export function handleScript({ method, given }: Case, file: string, flags: string): Script {
  return async (side, around) => {
    const made = await makeAll(given, side, around);
    const handle = await side.open(file, flags);
    const outcome = await callOn(handle, method, made, around);
    return { ...outcome, handle: describeDescriptor(handle) };
  };
}

async function makeAll(given: Case['given'], side: Side, around: Surroundings): Promise<unknown[]> {
  const made: unknown[] = [];
  for (const argument of given) {
    // A promise may be what the call is to be given, so only handles are waited for.
    const value = argument.make(side);
    made.push(argument.text.includes('handle') ? await value : value);
  }
  around.given = made;
  return made;
}

/** How a call ended, and what it left of its arguments. */
export async function callOn(
  target: object,
  method: string,
  given: readonly unknown[],
  around: Surroundings,
): Promise<Record<string, unknown>> {
  const outcome = await settle(target, method, given, around);
  const views = given.map((each) => (isBytes(each) ? describeValue(each, { ...around, given: [] }) : null));
  return { ...outcome, given: views };
}

async function settle(
  target: object,
  method: string,
  given: readonly unknown[],
  around: Surroundings,
): Promise<Record<string, unknown>> {
  let returned: unknown;
  try {
    returned = (Reflect.get(target, method) as Call).apply(target, [...given]);
  } catch (error) {
    return { threw: describeError(error, around) };
  }
  const isPromise = returned instanceof Promise;
  try {
    const value = isPromise ? await returned : returned;
    return { [isPromise ? 'fulfilled' : 'returned']: await takeIn(value, around) };
  } catch (error) {
    return { rejected: describeError(error, around) };
  }
}

/** Values that stand for something open are used up and closed. */
async function takeIn(value: unknown, around: Surroundings): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return describeValue(value, around);
  if (isHandle(value)) {
    const described = { class: value.constructor.name, is: describeDescriptor(value) };
    await value.close();
    return described;
  }
  if (value instanceof Writable) return await fill(value, around);
  if (value instanceof Readable || value instanceof Dir || isLazy(value)) return await drain(value, around);
  if ('remove' in value && typeof value.remove === 'function') {
    await (value.remove as () => Promise<void>)();
  }
  return describeValue(value, around);
}

/** Chunks or entries in their order, and the error that ended them. */
async function drain(source: AsyncIterable<unknown>, around: Surroundings): Promise<unknown> {
  const items: unknown[] = [];
  const path = 'path' in source ? describeValue(source.path, around) : undefined;
  let failed: unknown;
  try {
    for await (const item of source) items.push(describeValue(item, around));
  } catch (error) {
    failed = describeError(error, around);
  }
  const bytesRead = Reflect.get(source, 'bytesRead') as unknown;
  return { class: source.constructor.name, path, items, failed, bytesRead };
}

async function fill(stream: Writable, around: Surroundings): Promise<unknown> {
  const failure = await new Promise<unknown>((resolve) => {
    stream.on('error', resolve).on('finish', () => resolve(undefined));
    stream.write('first ');
    stream.write(Buffer.from('second'));
    stream.end('61');
  });
  for (let turn = 0; turn < CLOSING_TURNS && !stream.closed; turn++) await turns(1);
  const bytesWritten = Reflect.get(stream, 'bytesWritten') as unknown;
  const failed = failure === undefined ? undefined : describeError(failure, around);
  return { class: stream.constructor.name, failed, bytesWritten, closed: stream.closed };
}

function isHandle(value: object): value is Handle {
  return (
    'fd' in value &&
    typeof value.fd === 'number' &&
    'close' in value &&
    !(value instanceof Readable || value instanceof Writable)
  );
}

function isLazy(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value && !Array.isArray(value);
}

function isBytes(value: unknown): boolean {
  if (Array.isArray(value)) return value.length < 10 && value.some((each) => ArrayBuffer.isView(each));
  return ArrayBuffer.isView(value);
}
