/**
 * Memory in which a byte read or written in the wrong place shows: views with guards around them, and buffers that
 * are given away, whose next owner must find what was in them.
 */
import type { Random } from '../support/random.js';

const GUARD_BYTES = 128;
const GUARD = 0xee;
/** Of those that are watched at a time. */
const WATCHED_MAX = 2000;

/** The compiler's library is older than it. */
type ResizableBuffer = ArrayBuffer & { resize(bytes: number): void };

const KINDS = [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Float32Array, BigInt64Array] as const;
const SIZES = [0, 1, 7, 8, 63, 64, 65, 100, 1000, 4096, 65_536];

interface Guarded {
  memory: Uint8Array;
  bytes: number;
  call: string;
}

export class GuardedMemory {
  readonly #random: Random;
  readonly #watched: Guarded[] = [];
  readonly #givenAway: Uint8Array[] = [];
  readonly #resizable = new Uint8Array(resizable(8192));
  readonly faults: string[] = [];
  /** What views are made for now. */
  call = '';

  constructor(random: Random) {
    this.#random = random;
  }

  /** A view of some kind, honest or not. */
  view(): NodeJS.ArrayBufferView {
    const random = this.#random;
    switch (random.integer(8)) {
      case 0:
        return Buffer.alloc(random.pick(SIZES), 'a');
      case 1:
        return this.#resizable;
      case 2:
        return detached(random.pick(SIZES));
      case 3: {
        const { buffer, byteOffset, byteLength } = this.#guarded(random.pick(SIZES));
        return new DataView(buffer as ArrayBuffer, byteOffset, byteLength);
      }
      case 4:
        return this.#lying();
      default: {
        const Kind = random.pick(KINDS);
        const bytes = this.#guarded(random.pick(SIZES));
        const start = Math.ceil(bytes.byteOffset / 8) * 8;
        const length = Math.floor((bytes.byteLength - (start - bytes.byteOffset)) / Kind.BYTES_PER_ELEMENT);
        return new Kind(bytes.buffer as ArrayBuffer, start, Math.max(0, length));
      }
    }
  }

  buffer(): ArrayBufferLike {
    const bytes = this.#random.pick(SIZES);
    return this.#random.pick([new ArrayBuffer(bytes), new SharedArrayBuffer(bytes), resizable(bytes)]);
  }

  #guarded(bytes: number): Uint8Array {
    const memory = new Uint8Array(bytes + 2 * GUARD_BYTES).fill(GUARD);
    this.#watched.push({ memory, bytes, call: this.call });
    if (this.#watched.length > WATCHED_MAX) this.#check(this.#watched.splice(0, WATCHED_MAX / 2));
    return memory.subarray(GUARD_BYTES, GUARD_BYTES + bytes).fill(0x61);
  }

  #lying(): Uint8Array {
    const view = this.#guarded(this.#random.pick(SIZES));
    const name = this.#random.pick([
      'length',
      'byteLength',
      'byteOffset',
      'buffer',
      'subarray',
      'constructor',
    ]);
    const value = name === 'buffer' ? new ArrayBuffer(70_000) : this.#random.pick([0, 1, 5000, 70_000]);
    return Object.defineProperty(view, name, { value });
  }

  /** Of the one buffer that views share. */
  resize(): void {
    (this.#resizable.buffer as ResizableBuffer).resize(this.#random.pick([0, 100, 4096, 8192]));
  }

  /** A view that `giveAway` takes the memory of. */
  doomed(): { view: Uint8Array; giveAway: () => void } {
    const buffer = new ArrayBuffer(4096);
    const view = new Uint8Array(buffer);
    const giveAway = (): void => {
      if (buffer.byteLength === 0) return;
      const owned = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }));
      this.#givenAway.push(owned);
    };
    return { view, giveAway };
  }

  #check(guarded: readonly Guarded[]): void {
    for (const { memory, bytes, call } of guarded) {
      const around = [memory.subarray(0, GUARD_BYTES), memory.subarray(GUARD_BYTES + bytes)];
      if (around.some((guard) => guard.some((byte) => byte !== GUARD))) {
        this.faults.push(`bytes outside of a view of ${bytes} bytes have been written: ${call}`);
      }
    }
  }

  checkAll(): void {
    this.#check(this.#watched.splice(0));
    if (this.#givenAway.some((owned) => owned.some((byte) => byte !== 0))) {
      this.faults.push('memory that had been given away has been written');
    }
  }
}

function resizable(bytes: number): ArrayBuffer {
  return Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: Math.max(bytes, 8192) }]) as ArrayBuffer;
}

function detached(bytes: number): Uint8Array {
  const view = new Uint8Array(bytes);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}
