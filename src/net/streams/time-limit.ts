/** The time limit of a net.Socket: 'timeout' after so many milliseconds without a byte either way. */
import type { Duplex } from 'node:stream';
import { clearTimeout, setTimeout } from '../../base/real-timers.js';
import { checkNumber } from '../../base/validate.js';
import { invalidArgType, outOfRange } from '../../errors/index.js';

/** As setTimeout takes it. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export class TimeLimit {
  readonly #stream: Duplex;
  readonly #hasMoved: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  /** @param hasMoved whether a write that is under way has got on since it was asked last. */
  constructor(stream: Duplex, hasMoved: () => boolean) {
    this.#stream = stream;
    this.#hasMoved = hasMoved;
  }

  /** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. */
  set(timeoutMs: number, listener: (() => void) | undefined): void {
    if (!(checkNumber(timeoutMs, 'msecs') >= 0 && Number.isFinite(timeoutMs))) {
      throw outOfRange('msecs', 'a non-negative finite number', timeoutMs);
    }
    if (listener !== undefined && typeof listener !== 'function') {
      throw invalidArgType('callback', 'of type function', listener);
    }
    this.clear();
    const ms = Math.min(timeoutMs, TIMEOUT_MS_MAX);
    this.#timer = ms > 0 ? setTimeout(() => this.#onTimeout(), ms).unref() : undefined;
    if (listener === undefined) return;
    if (timeoutMs > 0) this.#stream.once('timeout', listener);
    else this.#stream.off('timeout', listener);
  }

  /** A write that the peer takes slowly is activity, too. */
  #onTimeout(): void {
    if (this.#hasMoved()) this.noteActivity();
    else this.#stream.emit('timeout');
  }

  noteActivity(): void {
    this.#timer?.refresh();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
