/**
 * A stretch of receive buffers.
 *
 * A SharedArrayBuffer, because leased messages show it to users, and it can't be detached: no transfer,
 * in this thread or another, can pull it from under the kernel.
 */
import { addressOf } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import { ViewableMemory } from './viewable-memory.js';

const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

function roundUp(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

export class BufferArea extends ViewableMemory {
  readonly address: number;
  /** Whether its buffers are no longer given back to the kernel. */
  isLeaving = false;
  #keptOut: number[] = [];
  /** What leases of each place have shown last: the next message there is often as long. */
  readonly #views = new Map<number, Buffer>();

  /** @param hasHugePages begins and ends on huge pages, and asks the kernel for them (madvise(2)). */
  constructor(bytes: number, hasHugePages: boolean) {
    let start = 0;
    let memory: SharedArrayBuffer;
    if (hasHugePages) {
      const whole = roundUp(bytes, HUGE_PAGE_BYTES);
      memory = new SharedArrayBuffer(whole + HUGE_PAGE_BYTES);
      const address = addressOf(new Uint8Array(memory));
      start = roundUp(address, HUGE_PAGE_BYTES) - address;
      binding().adviseHugePages(address + start, whole);
    } else {
      memory = new SharedArrayBuffer(bytes);
    }
    super(memory, start, bytes);
    this.address = addressOf(this.bytes);
  }

  /** What the lease of a whole buffer shows. */
  showLease(start: number, bytes: number): Buffer {
    const last = this.#views.get(start);
    if (last !== undefined && last.length === bytes) return last;
    const view = this.show(start, bytes);
    this.#views.set(start, view);
    return view;
  }

  /** Notes a buffer of a leaving area, by its place in the area, that the kernel does not get back. */
  keepOut(index: number): void {
    this.#keptOut.push(index);
  }

  get keptOutCount(): number {
    return this.#keptOut.length;
  }

  takeKeptOut(): number[] {
    const kept = this.#keptOut;
    this.#keptOut = [];
    return kept;
  }
}
