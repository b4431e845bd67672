/**
 * The ring's alarm: one TIMEOUT request, moved with TIMEOUT_REMOVE's update (Linux 5.11).
 *
 * At most one of each is under way, however often the alarm is set, and neither waits behind the ring's
 * in-flight limit: other operations may well be waiting for a timer.
 */

import type { OperationFacts } from '../../contract/observation.js';
import type { Alarm, AlarmListener } from '../../contract/timer-queue.js';
import { prepTimeout, prepTimeoutUpdate, type Sqe } from '../../native/sqe.js';
import { ArmedOperation, type ArmedOwner } from '../engine/armed-operation.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { NO_SLOT } from '../engine/ticket.js';
import { deadlineFlags, writeDeadline } from './deadline.js';

export class UringAlarm implements Alarm, ArmedOwner {
  readonly #dispatcher: Dispatcher;
  readonly #listener: AlarmListener;
  #armed: ArmedOperation | undefined;
  /** When the kernel was, or will be, told to end it. */
  #deadlineMs = 0;
  #update: ArmedOperation | undefined;
  /** What the alarm is to be moved to when the update under way is through. */
  #nextDeadlineMs: number | undefined;
  #isRef = false;
  /** Requests made to the kernel. */
  setCount = 0;

  constructor(dispatcher: Dispatcher, listener: AlarmListener) {
    this.#dispatcher = dispatcher;
    this.#listener = listener;
  }

  set(deadlineMs: number): void {
    const armed = this.#armed;
    if (armed === undefined) this.#arm(deadlineMs);
    else if (armed.slot === NO_SLOT) this.#deadlineMs = deadlineMs;
    else if (this.#update === undefined) this.#move(armed, deadlineMs);
    else this.#nextDeadlineMs = deadlineMs;
  }

  #arm(deadlineMs: number): void {
    this.setCount++;
    this.#deadlineMs = deadlineMs;
    const operation = new ArmedOperation(this);
    operation.isRef = this.#isRef;
    this.#armed = operation;
    this.#dispatcher.begin(operation);
  }

  prepareArmed(sqe: Sqe, storage: SlotStorage, { slot }: ArmedOperation): void {
    prepTimeout(sqe, writeDeadline(slot, this.#deadlineMs, storage), deadlineFlags());
  }

  describeArmed(): OperationFacts {
    return { kind: 'timeout' };
  }

  onCompletion(): void {}

  /** It ends with ETIME when it expires, and with ECANCELED when the ring closes. */
  onDisarmed(_result: number, failure?: () => Error): void {
    this.#armed = undefined;
    if (failure !== undefined) {
      this.#listener.onFailed(failure);
      return;
    }
    this.#nextDeadlineMs = undefined;
    if (!this.#dispatcher.isClosing) this.#listener.onAlarm();
  }

  #move({ ticket }: ArmedOperation, deadlineMs: number): void {
    this.setCount++;
    const update = new ArmedOperation({
      prepareArmed: (sqe, storage, { slot }) => {
        const deadline = writeDeadline(slot, deadlineMs, storage);
        // A target that has expired in the meantime has no slot; its successor is armed with this deadline.
        prepTimeoutUpdate(sqe, deadline, ticket.slot, ticket.generation, deadlineFlags());
      },
      describeArmed: () => this.describeArmed(),
      // ENOENT: the target has just expired, and its own completion sets the alarm anew.
      onCompletion: () => this.#onMoved(),
      // Where it fails, the alarm hears of that from what it was to move.
      onDisarmed: () => {},
    });
    update.isRef = false;
    this.#update = update;
    this.#dispatcher.begin(update);
  }

  #onMoved(): void {
    this.#update = undefined;
    const deadlineMs = this.#nextDeadlineMs;
    this.#nextDeadlineMs = undefined;
    if (deadlineMs !== undefined && !this.#dispatcher.isClosing) this.set(deadlineMs);
  }

  setRef(isRef: boolean): void {
    this.#isRef = isRef;
    if (this.#armed !== undefined) this.#dispatcher.setRef(this.#armed, isRef);
  }
}
