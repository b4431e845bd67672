/** The entries of a chain: a step's own operation, linked to the next. */
import type { ChainStep } from '../../contract/chain-steps.js';
import { addFlags, SQE_IO_LINK, type Sqe } from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import type { SlotStorage } from '../engine/slot-storage.js';
import { NO_SLOT } from '../engine/ticket.js';

/** The chain as its entries see it. */
export interface EntryOwner {
  isUnderWay(part: LinkedPart): boolean;
  /** How many entries go to the kernel together with this one. */
  linkLength(part: LinkedPart): number;
  /** The kernel is done with it. */
  noteEnded(part: LinkedPart): void;
  /** It will not go to the kernel. */
  noteRefused(part: LinkedPart): void;
}

/** One step. It shows the kernel what the step's own operation shows it. */
export class LinkedPart extends Operation<void> {
  readonly index: number;
  readonly linkIndex: number;
  readonly step: ChainStep;
  readonly operation: Operation<unknown>;
  readonly #owner: EntryOwner;
  /** Whether another entry of the same link follows. */
  isLinked = false;
  /** What the kernel said; undefined while it has not. */
  result: number | undefined;
  /** Why it never went to the kernel. */
  refusal: (() => Error) | undefined;
  /** Whether that is because of another part. */
  isDropped = false;

  constructor(
    owner: EntryOwner,
    index: number,
    linkIndex: number,
    step: ChainStep,
    operation: Operation<unknown>,
  ) {
    super();
    this.#owner = owner;
    this.index = index;
    this.linkIndex = linkIndex;
    this.step = step;
    this.operation = operation;
    this.ticket.yieldsFd = operation.ticket.yieldsFd;
  }

  override fill(sqe: Sqe, storage: SlotStorage): void {
    this.operation.slot = this.slot;
    this.operation.fill(sqe, storage, 0);
    if (this.isLinked) addFlags(sqe, SQE_IO_LINK);
  }

  override get isByPath(): boolean {
    return this.operation.isByPath;
  }

  override get owner(): object | undefined {
    return this.operation.owner;
  }

  override get isUnderWay(): boolean {
    return this.#owner.isUnderWay(this);
  }

  override get startCount(): number {
    return this.#owner.linkLength(this);
  }

  override canceledError(): Error {
    return this.operation.canceledError();
  }

  override complete(result: number, flags: number): void {
    this.result = result;
    this.operation.slot = NO_SLOT;
    // At once: what a result is made of lies in the slot, which is free again.
    if (result >= 0) this.operation.complete(result, flags, 0);
    this.fulfil();
    this.#owner.noteEnded(this);
  }

  /** This promise is not awaited; the chain reports. */
  override failWith(create: () => Error): void {
    this.refusal = create;
    this.fulfil();
    this.#owner.noteRefused(this);
  }

  protected override errorFor(): Error {
    return this.operation.canceledError();
  }
}
