/**
 * What the engine itself says of an AbortSignal, and does for it.
 *
 * The functions are taken from it once, at load: a signal's own properties, or a patched prototype, change
 * nothing, and no code of the user's runs. Only for signals that `isPlainSignal` holds for.
 */
import { types } from 'node:util';

type Listener = () => void;

const { signal: sample } = new AbortController();
const prototype: AbortSignal = Object.getPrototypeOf(sample);
// An environment that brings signals of its own may keep these elsewhere; then none counts as plain.
const abortedGetter = Object.getOwnPropertyDescriptor(prototype, 'aborted')?.get;
const reasonGetter = Object.getOwnPropertyDescriptor(prototype, 'reason')?.get;
const { addEventListener, removeEventListener } = sample;

/** Whether it is the engine's own, and nothing of it has been replaced. */
export function isPlainSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  if (Object.getPrototypeOf(value) !== prototype) return false;
  if (Object.hasOwn(value, 'aborted') || Object.hasOwn(value, 'reason')) return false;
  if (abortedGetter === undefined || reasonGetter === undefined) return false;
  try {
    // It throws for what only has the prototype.
    Reflect.apply(abortedGetter, value, []);
    return true;
  } catch {
    return false;
  }
}

export function isAborted(signal: AbortSignal): boolean {
  return abortedGetter === undefined ? signal.aborted : Reflect.apply(abortedGetter, signal, []);
}

export function reasonOf(signal: AbortSignal): unknown {
  const own = Object.getOwnPropertyDescriptor(signal, 'reason');
  if (own !== undefined) return own.value;
  return reasonGetter === undefined ? signal.reason : Reflect.apply(reasonGetter, signal, []);
}

/** Aborts for a reason that may be undefined, where the engine would put an error of its own in its place. */
export function abortWith(controller: AbortController, reason: unknown): void {
  if (reason === undefined) Object.defineProperty(controller.signal, 'reason', { value: undefined });
  controller.abort(reason);
}

export function listenForAbort(signal: AbortSignal, listener: Listener): void {
  Reflect.apply(addEventListener, signal, ['abort', listener, { once: true }]);
}

export function stopListening(signal: AbortSignal, listener: Listener): void {
  Reflect.apply(removeEventListener, signal, ['abort', listener]);
}
