/**
 * The handles that a chain closes: out of use from the call on, at rest before the chain begins, and open again if
 * it does not come as far as closing them.
 */
import { orAborted } from '../base/abort.js';
import type { BackendFile } from '../contract/backend.js';
import type { ChainOutcome, ChainStep, TimeLimit } from '../contract/chain-steps.js';
import { abortError, fileClosedError, ringClosedError } from '../errors/index.js';
import { type FileHandle, lendForClosing } from './file-handle.js';
import type { LentFile } from './handle-lifetime.js';

export class LentHandles {
  readonly #lent: LentFile[] = [];

  get isEmpty(): boolean {
    return this.#lent.length === 0;
  }

  /** A second close of a handle in the chain finds it closed, as any other part on it would. */
  take(handle: FileHandle): BackendFile {
    const lent = lendForClosing(handle);
    if (lent === undefined) throw fileClosedError('close');
    this.#lent.push(lent);
    return lent.file;
  }

  /**
   * Waits until nothing is pending on them. False when the time is up first.
   *
   * @throws AbortError, ERR_RINGLET_CLOSED.
   */
  async whenIdle(
    limit: TimeLimit | undefined,
    signal: AbortSignal | undefined,
    waiting: Set<() => void> | undefined,
  ): Promise<boolean> {
    if (waiting === undefined) throw ringClosedError();
    if (signal?.aborted) throw abortError(signal);
    const waits = this.#lent.map(async ({ file, ready }) => {
      await ready;
      await file.whenIdle();
    });
    const idle = Promise.all(waits).then(() => true);
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<boolean>((resolve) => {
      if (limit !== undefined) timer = setTimeout(() => resolve(false), limit.timeoutMs);
    });
    let end!: () => void;
    // A stream over the handle may have no reader that reads it to its end.
    const closing = new Promise<never>((_resolve, reject) => {
      end = () => reject(ringClosedError());
    });
    waiting.add(end);
    try {
      const first = Promise.race([idle, expiry, closing]);
      return await (signal === undefined ? first : orAborted(first, signal));
    } finally {
      waiting.delete(end);
      clearTimeout(timer);
    }
  }

  /** The chain is over, and has come as far as its outcomes say. */
  giveBack(steps: readonly ChainStep[], outcomes: readonly ChainOutcome[]): void {
    for (const lent of this.#lent) {
      const index = steps.findIndex((step) => step.kind === 'close' && step.file === lent.file);
      const kind = outcomes[index]?.kind;
      // A descriptor is gone even when closing it failed.
      lent.giveBack(kind === 'done' || kind === 'failed');
    }
  }
}
