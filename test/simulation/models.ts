/** What files, pipes, datagrams and streams must be like after what has been done to them. */
import { numbered } from '../support/datagrams.js';
import type { Random } from '../support/random.js';
import { pattern } from '../support/temporary.js';

/** A promise of the model is broken: what the simulator looks for. */
export class Violation extends Error {}

export function check(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Violation(what());
}

export const RANGES = 16;
export const RANGE_BYTES = 256;
export const FILE_BYTES = RANGES * RANGE_BYTES;

/** Ranges of a file, each with its bytes where these are known; one operation a range at a time. */
export class FileModel {
  readonly #known: (Buffer | undefined)[] = Array.from({ length: RANGES }, () => Buffer.alloc(RANGE_BYTES));
  readonly #busy = new Set<number>();
  /** Of what is being written: what has been there, which stays where nothing is written. */
  readonly #before = new Map<number, Buffer | undefined>();

  take(random: Random): number | undefined {
    const range = random.integer(RANGES);
    if (this.#busy.has(range)) return undefined;
    this.#busy.add(range);
    return range;
  }

  free(range: number): void {
    this.#busy.delete(range);
    this.#before.delete(range);
  }

  /** From now on it is not known what is there, unless `wrote` says it. */
  writing(range: number): void {
    this.#before.set(range, this.#known[range]);
    this.#known[range] = undefined;
  }

  /** The first `count` bytes have been written, and no others. */
  wrote(range: number, content: Buffer, count: number): void {
    check(count > 0 && count <= RANGE_BYTES, () => `a write of ${RANGE_BYTES} bytes wrote ${count}`);
    const rest = this.#before.get(range)?.subarray(count);
    if (count === RANGE_BYTES) this.#known[range] = content;
    else this.#known[range] = rest && Buffer.concat([content.subarray(0, count), rest]);
  }

  expect(range: number, bytes: Buffer): void {
    const known = this.#known[range]?.subarray(0, bytes.length);
    check(
      known === undefined || bytes.equals(known),
      () => `range ${range} has other bytes than were written`,
    );
  }

  expectAll(content: Buffer): void {
    check(content.length === FILE_BYTES, () => `the file has ${content.length} bytes`);
    for (let range = 0; range < RANGES; range++) {
      this.expect(range, content.subarray(range * RANGE_BYTES, (range + 1) * RANGE_BYTES));
    }
  }
}

const CYCLE_BYTES = 65_521;
export const PIECE_BYTES_MAX = 16_384;
const CYCLE = pattern(CYCLE_BYTES);
/** What streams carry, again and again, with the beginning once more at the end. */
export const STREAM_BYTES = Buffer.concat([CYCLE, CYCLE.subarray(0, PIECE_BYTES_MAX)]);

/** Bytes in order, of which each place has its own. */
export class StreamModel {
  #written = 0;
  #read = 0;
  /** Whether what has been written is not known any more, or the end has come. */
  isBroken = false;

  get outstanding(): number {
    return this.#written - this.#read;
  }

  /** Where in `STREAM_BYTES` the next bytes to be written are. */
  get position(): number {
    return this.#written % CYCLE_BYTES;
  }

  /** The next bytes to be written. */
  next(bytes: number): Buffer {
    const at = this.position;
    this.#written += bytes;
    return STREAM_BYTES.subarray(at, at + bytes);
  }

  /** Of those that were taken last these have not been written. */
  takeBack(bytes: number): void {
    this.#written -= bytes;
  }

  read(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES_MAX) {
      const piece = bytes.subarray(from, from + PIECE_BYTES_MAX);
      const at = this.#read % CYCLE_BYTES;
      const isRight = this.isBroken || STREAM_BYTES.subarray(at, at + piece.length).equals(piece);
      check(isRight, () => `${piece.length} bytes from ${this.#read} on are others than were written`);
      this.#read += piece.length;
    }
    check(this.#read <= this.#written || this.isBroken, () => 'more bytes came than were written');
  }
}

/** Datagrams, each with a number: those that have left come once, those that failed at most once. */
export class DatagramModel {
  #next = 0;
  #expected = new Set<number>();
  #possible = new Set<number>();
  /** Of those that are expected, how many a receive is under way for. */
  reserved = 0;
  /** Sends that are under way, in messages. */
  sending = 0;

  get outstanding(): number {
    return this.#expected.size;
  }

  next(bytes: number): Buffer {
    const index = this.#next++;
    this.sending++;
    this.#possible.add(index);
    return numbered(index, bytes);
  }

  /** It has left. It may have come already. */
  sent(data: Buffer): void {
    this.sending--;
    const index = data.readUInt32LE(0);
    if (this.#possible.delete(index)) this.#expected.add(index);
  }

  /** It has failed, and may come nevertheless. */
  unsent(): void {
    this.sending--;
  }

  received(data: Buffer): void {
    const index = data.readUInt32LE(0);
    const isKnown = this.#expected.delete(index) || this.#possible.delete(index);
    check(isKnown, () => `datagram ${index} came for the second time, or was never sent`);
    check(data.equals(numbered(index, data.length)), () => `datagram ${index} has other bytes`);
  }

  expectNone(): void {
    const lost = [...this.#expected].slice(0, 5).join(', ');
    check(this.#expected.size === 0, () => `${this.#expected.size} datagrams never came: ${lost}`);
  }
}
