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
  /** 0 for none. */
  #limitMs = 0;
  /** It stays where the limit is lifted, and does nothing then: an http.Server lifts and sets it for each request. */
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;

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
    this.#limitMs = Math.min(timeoutMs, TIMEOUT_MS_MAX);
    if (this.#limitMs > 0) this.#startTimer(this.#limitMs);
    if (listener === undefined) return;
    if (timeoutMs > 0) this.#stream.once('timeout', listener);
    else this.#stream.off('timeout', listener);
  }

  #startTimer(ms: number): void {
    if (this.#timer !== undefined && this.#timerMs === ms) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = ms;
    this.#timer = setTimeout(() => this.#onTimeout(), ms).unref();
  }

  /** A write that the peer takes slowly is activity, too. */
  #onTimeout(): void {
    if (this.#limitMs === 0) return;
    if (this.#hasMoved()) this.noteActivity();
    else this.#stream.emit('timeout');
  }

  noteActivity(): void {
    if (this.#limitMs > 0) this.#timer?.refresh();
  }

  clear(): void {
    this.#limitMs = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
