/** The receive buffers of a ring, of one size or several, each made when a socket first needs it. */

import type { ReceiveBufferStats } from '../../contract/backend.js';
import type { ReceiveBufferSettings, RingSettings } from '../../contract/ring-settings.js';
import { systemError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import type { NativeRing } from '../../native/binding.js';
import { NARROW_PREFIX, type PrefixLayout } from '../datagrams/received-message.js';
import type { Trials } from '../trials.js';
import type { BufferWaiter } from './buffer-line.js';
import { bufferRingEntries, bufferRingMemory, ENTRY_WORDS, ProvidedBuffers } from './provided-buffers.js';

/**
 * Whether the kernel grants what the first sockets of a ring will need besides memory of their own: 0, or a negative
 * errno. It counts rings of buffers by RLIMIT_MEMLOCK, as it does rings.
 */
export function tryReceiveBuffers(
  native: NativeRing,
  settings: Pick<RingSettings, 'receiveBuffers' | 'streamBuffers'>,
): number {
  const firsts = [settings.receiveBuffers[0], settings.streamBuffers[0]].filter((each) => each !== undefined);
  // SAFETY: unregistered before they go.
  const memories = firsts.map((each) => bufferRingMemory(bufferRingEntries(each)));
  const results = memories.map((memory, groupId) =>
    native.registerBufferRing(groupId, addressOf(memory), memory.length / ENTRY_WORDS, false),
  );
  results.forEach((result, groupId) => {
    if (result >= 0) native.unregisterBufferRing(groupId);
  });
  return results.find((result) => result < 0) ?? 0;
}

const GROUPS_A_SIZE = 2;

export class ReceiveBuffers {
  readonly #native: NativeRing;
  readonly #trials: Trials;
  readonly #settings: readonly ReceiveBufferSettings[];
  readonly #streamSettings: readonly ReceiveBufferSettings[];
  /**
   * By their group's identifier: twice the index of their settings, and one more for those with room for
   * ancillary data and paths, which only sockets that have such things use. Behind them all, by the index of
   * their own settings, those that streams have filled in parts.
   */
  readonly #made: (ProvidedBuffers | undefined)[] = [];

  constructor(
    native: NativeRing,
    trials: Trials,
    settings: readonly ReceiveBufferSettings[],
    streamSettings: readonly ReceiveBufferSettings[],
  ) {
    this.#native = native;
    this.#trials = trials;
    this.#settings = settings;
    this.#streamSettings = streamSettings;
  }

  /** The smallest buffers that hold messages of `messageBytes`, or the first ones for 0. */
  for(messageBytes: number, prefix: PrefixLayout): ProvidedBuffers {
    const index = indexFor(this.#settings, messageBytes);
    const groupId = index * GROUPS_A_SIZE + (prefix === NARROW_PREFIX ? 0 : 1);
    const settings = this.#settings[index] as ReceiveBufferSettings;
    return this.#made[groupId] ?? this.#make(groupId, settings, prefix.bytes, false);
  }

  /** The same for streams: buffers that are filled in parts, where the kernel does that right. */
  forStream(chunkBytes: number): ProvidedBuffers {
    const index = indexFor(this.#streamSettings, chunkBytes);
    const settings = this.#streamSettings[index] as ReceiveBufferSettings;
    if (!settings.incremental || this.#trials.receives.incremental < 0)
      return this.for(chunkBytes, NARROW_PREFIX);
    const groupId = this.#settings.length * GROUPS_A_SIZE + index;
    return this.#made[groupId] ?? this.#make(groupId, settings, 0, true);
  }

  #make(
    groupId: number,
    settings: ReceiveBufferSettings,
    prefixBytes: number,
    isIncremental: boolean,
  ): ProvidedBuffers {
    const buffers = new ProvidedBuffers(this.#native, groupId, settings, prefixBytes, isIncremental);
    const registered = buffers.register();
    if (registered < 0) throw systemError(registered, 'io_uring_register');
    this.#made[groupId] = buffers;
    return buffers;
  }

  /** The longest message that any of them holds, in bytes. */
  get messageBytesMax(): number {
    return Math.max(...this.#settings.map(({ bytes }) => bytes));
  }

  get stats(): ReceiveBufferStats[] {
    return this.#made.flatMap((buffers) => {
      if (buffers === undefined) return [];
      const { count, payloadBytes: bytes, availableCount: available, isIncremental } = buffers;
      const { exhaustions, growths, shrinks } = buffers;
      return [{ count, bytes, isIncremental, available, exhaustions, growths, shrinks }];
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

/** Of the smallest that hold `bytes`; of the first for 0, or where none does. */
function indexFor(settings: readonly ReceiveBufferSettings[], bytes: number): number {
  if (bytes === 0) return 0;
  let best = -1;
  settings.forEach((each, index) => {
    const isSmaller = best < 0 || each.bytes < (settings[best] as ReceiveBufferSettings).bytes;
    if (each.bytes >= bytes && isSmaller) best = index;
  });
  return best < 0 ? 0 : best;
}
