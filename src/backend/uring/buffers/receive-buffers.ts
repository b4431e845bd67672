/** The receive buffers of a ring, of one size or several, each made when a socket first needs it. */
import { systemError } from '../../../errors.js';
import type { ReceiveBufferSettings } from '../../../options.js';
import type { ReceiveBufferStats } from '../../backend.js';
import type { NativeRing } from '../binding.js';
import type { BufferWaiter } from './buffer-line.js';
import { ProvidedBuffers } from './provided-buffers.js';
import { NARROW_PREFIX, type PrefixLayout } from '../datagrams/received-message.js';

export class ReceiveBuffers {
  readonly #native: NativeRing;
  readonly #settings: readonly ReceiveBufferSettings[];
  /**
   * By their group's identifier: twice the index of their settings, and one more for those with room for
   * ancillary data and paths, which only sockets that have such things use.
   */
  readonly #made: (ProvidedBuffers | undefined)[] = [];

  constructor(native: NativeRing, settings: readonly ReceiveBufferSettings[]) {
    this.#native = native;
    this.#settings = settings;
  }

  /** The smallest buffers that hold messages of `messageBytes`, or the first ones for 0. */
  for(messageBytes: number, prefix: PrefixLayout): ProvidedBuffers {
    const index = this.#indexFor(messageBytes);
    const groupId = index * 2 + (prefix === NARROW_PREFIX ? 0 : 1);
    let buffers = this.#made[groupId];
    if (buffers === undefined) {
      const settings = this.#settings[index] as ReceiveBufferSettings;
      buffers = new ProvidedBuffers(this.#native, groupId, settings, prefix.bytes);
      const registered = buffers.register();
      if (registered < 0) throw systemError(registered, 'io_uring_register');
      this.#made[groupId] = buffers;
    }
    return buffers;
  }

  #indexFor(messageBytes: number): number {
    if (messageBytes === 0) return 0;
    let best = -1;
    this.#settings.forEach(({ bytes }, index) => {
      const isSmaller = best < 0 || bytes < (this.#settings[best] as ReceiveBufferSettings).bytes;
      if (bytes >= messageBytes && isSmaller) best = index;
    });
    return best < 0 ? 0 : best;
  }

  /** The longest message that any of them holds, in bytes. */
  get messageBytesMax(): number {
    return Math.max(...this.#settings.map(({ bytes }) => bytes));
  }

  get stats(): ReceiveBufferStats[] {
    return this.#made.flatMap((buffers, groupId) => {
      if (buffers === undefined) return [];
      const { bytes } = this.#settings[groupId >>> 1] as ReceiveBufferSettings;
      const { count, availableCount, exhaustions, growths, shrinks } = buffers;
      return [{ count, bytes, available: availableCount, exhaustions, growths, shrinks }];
    });
  }

  get exhaustionCount(): number {
    return this.stats.reduce((sum, { exhaustions }) => sum + exhaustions, 0);
  }

  forget(waiter: BufferWaiter): void {
    for (const buffers of this.#made) buffers?.forget(waiter);
  }

  /** Lets the kernel go of all of them. Leased ones stay readable. */
  unregister(): void {
    for (const buffers of this.#made) buffers?.unregister();
  }
}
