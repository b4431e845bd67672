/** The receive buffers of a ring, of one size or several, each made when a socket first needs it. */
import { systemError } from '../../errors.js';
import type { ReceiveBufferSettings } from '../../options.js';
import type { ReceiveBufferStats } from '../backend.js';
import type { NativeRing } from './binding.js';
import { type BufferWaiter, ProvidedBuffers } from './provided-buffers.js';
import { PREFIX_BYTES } from './received-message.js';

export class ReceiveBuffers {
  readonly #native: NativeRing;
  readonly #settings: readonly ReceiveBufferSettings[];
  /** By the index of their settings, which is also their group's identifier. */
  readonly #made: (ProvidedBuffers | undefined)[] = [];

  constructor(native: NativeRing, settings: readonly ReceiveBufferSettings[]) {
    this.#native = native;
    this.#settings = settings;
  }

  /** The smallest buffers that hold messages of `messageBytes`, or the first ones for 0. */
  for(messageBytes: number): ProvidedBuffers {
    const index = this.#indexFor(messageBytes);
    let buffers = this.#made[index];
    if (buffers === undefined) {
      const settings = this.#settings[index] as ReceiveBufferSettings;
      buffers = new ProvidedBuffers(this.#native, index, settings, PREFIX_BYTES);
      const registered = buffers.register();
      if (registered < 0) throw systemError(registered, 'io_uring_register');
      this.#made[index] = buffers;
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
    return this.#settings.flatMap(({ bytes }, index) => {
      const buffers = this.#made[index];
      if (buffers === undefined) return [];
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
