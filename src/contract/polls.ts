/** What a backend must do about descriptors that are not its own, as types only. */

/** Events are poll(2)'s bits throughout. */
export interface PollBackend {
  /** Resolves when one of `events` is so, to all that are; a hang-up and an error are always among them. */
  poll(fd: number, events: number, signal: AbortSignal | undefined): Promise<number>;
  /** A watch that is not armed yet. */
  watch(fd: number, events: number, listener: WatchListener): BackendWatch;
}

export interface WatchListener {
  /** Some of the events have come. Never called while `arm` runs. */
  onEvents(events: number): void;
  /** The watch is over. Never called while `arm` runs. */
  onFailed(create: () => Error): void;
}

/** Edge-triggered: reports what is so when it is armed, and from then on what happens. */
export interface BackendWatch {
  /** A reader waits: arms the watch unless it is armed. */
  arm(): void;
  /** Whether it keeps the process alive. It does not to begin with. */
  setRef(isRef: boolean): void;
  /** Reports nothing any more; resolves when the kernel has let go of the descriptor. */
  close(): Promise<void>;
}

/** What keeps the process alive, unless the ring is `unref`ed, until it is given back as often. */
export interface LoopRefs {
  ref(): void;
  unref(): void;
}
