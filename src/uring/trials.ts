/**
 * What a ring's kernel has and gets right, by asking and trying: each when it is first needed, and once. Of the
 * running kernel, and of the one in user space.
 */
import { EBUSY } from '../base/errno.js';
import { binding, type NativeProbe } from '../native/binding.js';

/** What serves a ring: the system's kernel, or a ring in user space. */
export type RingKernel = 'io_uring' | 'epoll';

/** What stream receives may use (receive_trials.h): 0 or a negative errno each. */
interface ReceiveTrials {
  readonly incremental: number;
  readonly bundled: number;
}

export class Trials {
  readonly kernel: RingKernel;
  readonly #isUserSpace: boolean;
  #receives: ReceiveTrials | undefined;
  #clearedSlot: number | undefined;
  #facts: NativeProbe | undefined;

  constructor(kernel: RingKernel) {
    this.kernel = kernel;
    this.#isUserSpace = kernel === 'epoll';
  }

  get receives(): ReceiveTrials {
    if (this.#receives === undefined) {
      const [incremental, bundled] = binding().tryReceives(this.#isUserSpace);
      this.#receives = { incremental, bundled };
    }
    return this.#receives;
  }

  /** Whether a cleared slot of the file table lets go of its file (file_table_trial.h): 0 or a negative errno. */
  get clearedSlot(): number {
    this.#clearedSlot ??= binding().tryClearedSlot(this.#isUserSpace);
    return this.#clearedSlot;
  }

  /**
   * Whether what is closed in the file table stays open while other requests of the ring go on: then nothing of the
   * user's goes there.
   */
  get keepsClosedFiles(): boolean {
    return this.clearedSlot === EBUSY;
  }

  get facts(): NativeProbe {
    const found = this.#facts ?? binding().probeKernel(this.#isUserSpace);
    // Where no ring was made there is nothing to remember.
    if (found.setup === 0) this.#facts = found;
    return found;
  }
}

const ofEach: Readonly<Record<RingKernel, Trials>> = {
  io_uring: new Trials('io_uring'),
  epoll: new Trials('epoll'),
};

export function trialsOf(kernel: RingKernel): Trials {
  return ofEach[kernel];
}
