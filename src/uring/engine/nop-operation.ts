/** Nothing, which tells how far the kernel has come. */
import { systemError } from '../../errors/index.js';
import { prepNop, type Sqe } from '../../native/sqe.js';
import { Operation } from './operation.js';

export class NopOperation extends Operation<void> {
  constructor() {
    super();
    this.ticket.isExempt = true;
  }

  override get isCall(): boolean {
    return false;
  }

  override fill(sqe: Sqe): void {
    prepNop(sqe);
  }

  override complete(): void {
    this.fulfil();
  }

  override failWith(): void {
    this.fulfil();
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, 'nop');
  }
}
