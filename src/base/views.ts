/**
 * What the engine knows of views and their memory: the one place that is asked for sizes, offsets and buffers of
 * what callers pass.
 *
 * A view's own properties, or those of its class, say whatever their maker likes. So these are the getters
 * of the prototypes, taken when ringlet is loaded, which look at the view itself. A view whose memory has been
 * transferred away, or made too short for it, has no bytes.
 */
import { memoryGoneError } from '../errors/index.js';

/** A Buffer, a typed array or a DataView. */
export type View = NodeJS.ArrayBufferView;

function getterOf<Target, Value>(prototype: object, name: PropertyKey): (target: Target) => Value {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: Target) => Value;
  // As `(target) => get.call(target)`, which would look up `call` each time.
  return Function.prototype.call.bind(get) as (target: Target) => Value;
}

const arrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
/** 'Uint8Array' and the like; undefined for what is no typed array. */
const arrayKindOf = getterOf<View, string | undefined>(arrayPrototype, Symbol.toStringTag);
const bytesOfArray = getterOf<View, number>(arrayPrototype, 'byteLength');
const offsetOfArray = getterOf<View, number>(arrayPrototype, 'byteOffset');
const bufferOfArray = getterOf<View, ArrayBufferLike>(arrayPrototype, 'buffer');
const bytesOfDataView = getterOf<View, number>(DataView.prototype, 'byteLength');
const offsetOfDataView = getterOf<View, number>(DataView.prototype, 'byteOffset');
const bufferOfDataView = getterOf<View, ArrayBufferLike>(DataView.prototype, 'buffer');

export const isView = ArrayBuffer.isView as (value: unknown) => value is View;

export function isUint8Array(value: unknown): value is Uint8Array {
  return isView(value) && arrayKindOf(value) === 'Uint8Array';
}

export function byteLengthOf(view: View): number {
  return arrayKindOf(view) === undefined ? unlessGone(bytesOfDataView, view) : bytesOfArray(view);
}

/** Where the view begins in its buffer. */
export function byteOffsetOf(view: View): number {
  return arrayKindOf(view) === undefined ? unlessGone(offsetOfDataView, view) : offsetOfArray(view);
}

export function bufferOf(view: View): ArrayBufferLike {
  return arrayKindOf(view) === undefined ? bufferOfDataView(view) : bufferOfArray(view);
}

/** A DataView without memory throws where a typed array says 0. */
function unlessGone(get: (view: View) => number, view: View): number {
  try {
    return get(view);
  } catch {
    return 0;
  }
}

/** @throws ERR_BUFFER_OUT_OF_BOUNDS when a view that had `end` bytes when it was passed no longer has them. */
export function checkStillThere(view: View, end: number): void {
  if (end > byteLengthOf(view)) throw memoryGoneError();
}

/**
 * A view of our own of the same bytes. It is so long for good, or has no bytes at all: it does not follow a
 * resizable buffer.
 *
 * @throws as `checkStillThere`.
 */
export function bytesOf(view: View, offset = 0, length = byteLengthOf(view) - offset): Uint8Array {
  checkStillThere(view, offset + length);
  if (length === 0) return new Uint8Array(0);
  return new Uint8Array(bufferOf(view), byteOffsetOf(view) + offset, length);
}

/**
 * What a Writable of Node's is given in place of a caller's chunk: it makes a Buffer of a view by what that says of
 * itself. A Buffer is passed on as it is.
 */
export function toHonestChunk(chunk: unknown): unknown {
  return isView(chunk) && !(chunk instanceof Buffer) ? bytesOf(chunk) : chunk;
}

/** A caller's view, and how many bytes it had when it was passed: it may have fewer when they are used. */
export class Span {
  readonly view: View;
  readonly bytes: number;

  constructor(view: View) {
    this.view = view;
    this.bytes = byteLengthOf(view);
  }

  get isGone(): boolean {
    return byteLengthOf(this.view) < this.bytes;
  }

  /** @throws as `checkStillThere`. */
  toBytes(): Uint8Array {
    return bytesOf(this.view, 0, this.bytes);
  }

  /** The same bytes, without another object where the view is still as long as it was. */
  toView(): View {
    return byteLengthOf(this.view) === this.bytes ? this.view : this.toBytes();
  }
}

export function byteCountOf(spans: readonly Span[]): number {
  let bytes = 0;
  for (const span of spans) bytes += span.bytes;
  return bytes;
}

/**
 * Those that have bytes; all of them where none has any. For writes: libuv takes a part of a call in which all are empty
 * for the end of it.
 */
export function filledOf(spans: readonly Span[]): readonly Span[] {
  const filled = spans.filter(({ bytes }) => bytes > 0);
  return filled.length > 0 ? filled : spans;
}

/**
 * What is left of spans behind their first bytes.
 *
 * @throws as `checkStillThere`.
 */
export function spansAfter(spans: readonly Span[], bytes: number): Span[] {
  let left = bytes;
  const first = spans.findIndex((span) => {
    if (span.bytes > left) return true;
    left -= span.bytes;
    return false;
  });
  if (first < 0) return [];
  const { view, bytes: all } = spans[first] as Span;
  return [new Span(bytesOf(view, left, all - left)), ...spans.slice(first + 1)];
}
