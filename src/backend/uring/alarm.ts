/** The ring's alarm: one TIMEOUT request, moved with TIMEOUT_REMOVE's update (Linux 5.11). */
import { systemError } from '../../errors.js';
import type { Alarm } from '../../timer-queue.js';
import type { Dispatcher } from './dispatcher.js';
import {
  OP_TIMEOUT,
  OP_TIMEOUT_REMOVE,
  SQE_ADDRESS_HIGH,
  SQE_ADDRESS_LOW,
  SQE_OFFSET_LOW,
  TIMEOUT_ABSOLUTE,
  TIMEOUT_UPDATE,
} from './layout.js';
import { writeWide } from './memory.js';
import { fillEntry, NO_SLOT, Operation } from './operation.js';

/** Writes a deadline into the slot's storage as a struct __kernel_timespec; returns its address. */
function writeDeadline(operation: Operation<unknown>, deadlineMs: number, dispatcher: Dispatcher): number {
  const words = dispatcher.storage.words(operation.slot);
  const offset = dispatcher.storage.wordOffset(operation.slot);
  const seconds = Math.floor(deadlineMs / 1000);
  // Rounded up: an alarm must not find that it is still too early.
  const nanoseconds = Math.ceil((deadlineMs - seconds * 1000) * 1e6);
  writeWide(words, offset, nanoseconds >= 1e9 ? seconds + 1 : seconds);
  writeWide(words, offset + 2, nanoseconds >= 1e9 ? 0 : nanoseconds);
  return dispatcher.storage.address(operation.slot);
}

class TimeoutOperation extends Operation<void> {
  readonly #onExpired: () => void;
  readonly #deadlineMs: number;

  constructor(deadlineMs: number, onExpired: () => void) {
    super();
    this.#deadlineMs = deadlineMs;
    this.#onExpired = onExpired;
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    const address = writeDeadline(this, this.#deadlineMs, dispatcher);
    fillEntry(words, at, OP_TIMEOUT, -1, address, 1, TIMEOUT_ABSOLUTE);
  }

  /** It ends with ETIME when it expires, and with ECANCELED when the ring closes. */
  override complete(): void {
    this.fulfil();
    this.#onExpired();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'timeout');
  }
}

class TimeoutUpdate extends Operation<void> {
  readonly #target: TimeoutOperation;
  readonly #deadlineMs: number;

  constructor(target: TimeoutOperation, deadlineMs: number) {
    super();
    this.#target = target;
    this.#deadlineMs = deadlineMs;
    this.isHolding = false;
  }

  override fill(words: Uint32Array, at: number, dispatcher: Dispatcher): void {
    fillEntry(words, at, OP_TIMEOUT_REMOVE, -1, 0, 0, TIMEOUT_UPDATE | TIMEOUT_ABSOLUTE);
    words[at + SQE_ADDRESS_LOW] = this.#target.slot;
    words[at + SQE_ADDRESS_HIGH] = this.#target.generation;
    writeWide(words, at + SQE_OFFSET_LOW, writeDeadline(this, this.#deadlineMs, dispatcher));
  }

  /** ENOENT: the target has just expired, and its own completion sets the alarm anew. */
  override complete(): void {
    this.fulfil();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'timeout');
  }
}

export class UringAlarm implements Alarm {
  readonly #dispatcher: Dispatcher;
  readonly #onAlarm: () => void;
  #armed: TimeoutOperation | undefined;
  #isHolding = false;
  #setCount = 0;

  constructor(dispatcher: Dispatcher, onAlarm: () => void) {
    this.#dispatcher = dispatcher;
    this.#onAlarm = onAlarm;
  }

  /** Requests made to the kernel. */
  get setCount(): number {
    return this.#setCount;
  }

  set(deadlineMs: number): void {
    this.#setCount++;
    const armed = this.#armed;
    if (armed !== undefined && armed.slot !== NO_SLOT) {
      void this.#dispatcher.submit(new TimeoutUpdate(armed, deadlineMs), undefined).catch(() => {});
      return;
    }
    const operation = new TimeoutOperation(deadlineMs, () => {
      if (this.#armed !== operation) return;
      this.#armed = undefined;
      if (!this.#dispatcher.isClosing) this.#onAlarm();
    });
    operation.isHolding = this.#isHolding;
    this.#armed = operation;
    void this.#dispatcher.submit(operation, undefined).catch(() => {});
  }

  setHolding(isHolding: boolean): void {
    this.#isHolding = isHolding;
    if (this.#armed !== undefined) this.#dispatcher.setHolding(this.#armed, isHolding);
  }
}
