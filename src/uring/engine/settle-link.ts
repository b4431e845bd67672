/**
 * How the addon reaches the TypeScript half of a ring: strongly while operations are pending, and otherwise
 * weakly. Whatever can make requests of a ring holds its dispatcher; so when nothing does any more and nothing
 * is pending, it is collected, and the ring is closed.
 */
import type { NativeRing } from '../../native/binding.js';

const dropped = new FinalizationRegistry((native: NativeRing) => {
  process.emitWarning('Closing a ring on garbage collection', {
    detail: 'Close Ring objects with close() or "await using"; how long it takes otherwise is unknown.',
  });
  // Nothing is in the kernel, so this does not wait.
  native.close();
});

/** Has the ring closed, with a warning, when `target` is collected without having been closed. */
export function closeWhenDropped(target: object, native: NativeRing): void {
  dropped.register(target, native, native);
}

/** The ring is being closed as it should be. */
export function noteClosed(native: NativeRing): void {
  dropped.unregister(native);
}

export class SettleLink<Target extends object> {
  readonly #weak: WeakRef<Target>;
  #strong: Target | undefined;

  constructor(target: Target) {
    this.#weak = new WeakRef(target);
  }

  get target(): Target | undefined {
    return this.#strong ?? this.#weak.deref();
  }

  /** Operations are pending: what they point at must outlast them. */
  strengthen(target: Target): void {
    this.#strong = target;
  }

  weaken(): void {
    this.#strong = undefined;
  }
}
