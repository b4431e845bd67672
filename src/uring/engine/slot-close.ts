/** Closing a slot of the file table: what a file or a socket without a descriptor of its own ends with. */
import { systemError } from '../../errors/index.js';
import { prepCloseDirect, SQE_ASYNC, type Sqe } from '../../native/sqe.js';
import { Operation } from './operation.js';

export class SlotCloseOperation extends Operation<void> {
  readonly #index: number;
  readonly #mayBlock: boolean;

  /** @param mayBlock whether the close may wait, as one with `lingerSeconds` does, and needs a kernel thread. */
  constructor(index: number, mayBlock = false) {
    super();
    this.#index = index;
    this.#mayBlock = mayBlock;
  }

  override fill(sqe: Sqe): void {
    prepCloseDirect(sqe, this.#index, this.#mayBlock ? SQE_ASYNC : 0);
  }

  /** It can only fail for a slot that is empty. */
  override complete(): void {
    this.fulfil();
  }

  override get isCall(): boolean {
    return false;
  }

  override get isGivingBack(): boolean {
    return true;
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'close');
  }
}
