/**
 * The ring's alarm: one TIMEOUT request, moved with TIMEOUT_REMOVE's update (Linux 5.11).
 *
 * At most one of each is under way, however often the alarm is set, and neither waits behind the ring's
 * in-flight limit: other operations may well be waiting for a timer.
 */

import type { Alarm, AlarmListener } from '../../contract/timer-queue.js';
import { systemError } from '../../errors/index.js';
import { prepTimeout, prepTimeoutUpdate, type Sqe } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { StandingOperation } from '../engine/standing-operation.js';
import { NO_SLOT } from '../engine/ticket.js';
import { deadlineFlags, writeDeadline } from './deadline.js';

class TimeoutOperation extends StandingOperation {
  readonly #alarm: UringAlarm;
  /** When the kernel was, or will be, told to end it. */
  deadlineMs: number;

  constructor(alarm: UringAlarm, deadlineMs: number) {
    super();
    this.#alarm = alarm;
    this.deadlineMs = deadlineMs;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    prepTimeout(sqe, writeDeadline(this.slot, this.deadlineMs, storage), deadlineFlags());
  }

  /** It ends with ETIME when it expires, and with ECANCELED when the ring closes. */
  override complete(): void {
    this.fulfil();
    this.#alarm.onExpired();
  }

  /** The ring is closing, or broken. */
  override failWith(create: () => Error): void {
    this.fulfil();
    this.#alarm.onFailed(create);
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'timeout');
  }
}

class TimeoutUpdate extends StandingOperation {
  readonly #alarm: UringAlarm;
  readonly #target: TimeoutOperation;
  readonly #deadlineMs: number;

  constructor(alarm: UringAlarm, target: TimeoutOperation, deadlineMs: number) {
    super();
    this.#alarm = alarm;
    this.#target = target;
    this.#deadlineMs = deadlineMs;
    this.isHolding = false;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    // A target that has expired in the meantime has no slot; its successor is armed with this deadline.
    const { slot, generation } = this.#target.ticket;
    const deadline = writeDeadline(this.slot, this.#deadlineMs, storage);
    prepTimeoutUpdate(sqe, deadline, slot, generation, deadlineFlags());
  }

  /** ENOENT: the target has just expired, and its own completion sets the alarm anew. */
  override complete(): void {
    this.fulfil();
    this.#alarm.onMoved();
  }

  /** Nobody awaits it; the alarm hears of its end from what it was to move. */
  override failWith(): void {
    this.fulfil();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'timeout');
  }
}

export class UringAlarm implements Alarm {
  readonly #dispatcher: Dispatcher;
  readonly #listener: AlarmListener;
  #armed: TimeoutOperation | undefined;
  #update: TimeoutUpdate | undefined;
  /** What the alarm is to be moved to when the update under way is through. */
  #nextDeadlineMs: number | undefined;
  #isHolding = false;
  #setCount = 0;

  constructor(dispatcher: Dispatcher, listener: AlarmListener) {
    this.#dispatcher = dispatcher;
    this.#listener = listener;
  }

  /** Requests made to the kernel. */
  get setCount(): number {
    return this.#setCount;
  }

  set(deadlineMs: number): void {
    const armed = this.#armed;
    if (armed === undefined) this.#arm(deadlineMs);
    else if (armed.slot === NO_SLOT) armed.deadlineMs = deadlineMs;
    else if (this.#update === undefined) this.#move(armed, deadlineMs);
    else this.#nextDeadlineMs = deadlineMs;
  }

  #arm(deadlineMs: number): void {
    this.#setCount++;
    const operation = new TimeoutOperation(this, deadlineMs);
    operation.isHolding = this.#isHolding;
    this.#armed = operation;
    this.#dispatcher.begin(operation);
  }

  #move(armed: TimeoutOperation, deadlineMs: number): void {
    this.#setCount++;
    this.#update = new TimeoutUpdate(this, armed, deadlineMs);
    this.#dispatcher.begin(this.#update);
  }

  onExpired(): void {
    this.#armed = undefined;
    this.#nextDeadlineMs = undefined;
    if (!this.#dispatcher.isClosing) this.#listener.onAlarm();
  }

  onMoved(): void {
    this.#update = undefined;
    const deadlineMs = this.#nextDeadlineMs;
    this.#nextDeadlineMs = undefined;
    if (deadlineMs !== undefined && !this.#dispatcher.isClosing) this.set(deadlineMs);
  }

  onFailed(create: () => Error): void {
    this.#armed = undefined;
    this.#listener.onFailed(create);
  }

  setHolding(isHolding: boolean): void {
    this.#isHolding = isHolding;
    if (this.#armed !== undefined) this.#dispatcher.setHolding(this.#armed, isHolding);
  }
}
