/** Ending operations before their time: one, a caller's all, or what an open file or socket has pending. */
import type { CancelRequests } from './cancel-requests.js';
import type { Operation } from './operation.js';
import type { PendingOperations } from './pending-operations.js';
import type { SlotTable } from './slot-table.js';
import { type Canceller, NO_SLOT, type Ticket } from './ticket.js';
import type { WaitingOperations } from './waiting-operations.js';

/** How many calls they are: some are many (many-calls.ts). */
export function callCountOf(operations: readonly Operation<unknown>[]): number {
  return operations.reduce((count, { ticket }) => count + ticket.placeCount, 0);
}

export class Cancels implements Canceller {
  readonly #requests: CancelRequests;
  readonly #slots: SlotTable;
  readonly #waiting: WaitingOperations;
  readonly #pending: PendingOperations<object>;

  constructor(
    requests: CancelRequests,
    slots: SlotTable,
    waiting: WaitingOperations,
    pending: PendingOperations<object>,
  ) {
    this.#requests = requests;
    this.#slots = slots;
    this.#waiting = waiting;
    this.#pending = pending;
  }

  /**
   * Asks for an operation's end. One that has not started rejects at once; for one in the kernel this
   * is a request, and the promise settles from the operation's own completion, whichever comes first. Asked for twice,
   * it ends for the first reason.
   */
  cancel(operation: Operation<unknown>, reason: () => Error): void {
    const { ticket } = operation;
    if (ticket.isSettled) return;
    ticket.cancelReason ??= reason;
    if (ticket.slot === NO_SLOT) {
      this.#waiting.remove(ticket);
      this.#pending.leave(ticket);
      operation.failWith(reason);
      return;
    }
    if (operation.isUnderWay) this.#requests.send(ticket);
  }

  /**
   * Asks every call to end, each with ECANCELED; returns how many there were.
   * What has not ended when this returns ends with its own completion.
   */
  cancelCalls(): number {
    const calls = this.#pendingThat((operation) => operation.isCall);
    for (const { operation } of calls) this.cancel(operation, () => operation.canceledError());
    return callCountOf(calls.map(({ operation }) => operation));
  }

  /**
   * The same for all that an open file or socket has pending, which it returns, with one request to the kernel for however many it has.
   *
   * @param fixedIndex its place in the registered-file table, or a negative number.
   */
  cancelOwned(owner: object, fd: number, fixedIndex: number): Operation<unknown>[] {
    const calls = this.#pendingThat((operation) => operation.owner === owner);
    const inKernel: Ticket<unknown>[] = [];
    for (const call of calls) {
      const { operation } = call;
      const reason = (): Error => operation.canceledError();
      if (call.slot === NO_SLOT) {
        this.cancel(operation, reason);
      } else {
        call.cancelReason ??= reason;
        inKernel.push(call);
      }
    }
    if (inKernel.length > 0) this.#requests.sendForAll(inKernel, fd, fixedIndex);
    return calls.map(({ operation }) => operation);
  }

  #pendingThat(isWanted: (operation: Operation<unknown>) => boolean): Ticket<unknown>[] {
    return [...this.#slots.holders(), ...this.#waiting.toArray()].filter(
      ({ isSettled, operation }) => !isSettled && isWanted(operation),
    );
  }
}
