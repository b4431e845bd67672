/** Nothing, which tells how far the kernel has come. */
import { systemError } from '../../errors/index.js';
import { OP_NOP } from '../../native/layout.js';
import { fillEntry, Operation } from './operation.js';

export class NopOperation extends Operation<void> {
  constructor() {
    super();
    this.ticket.isExempt = true;
  }

  override get isCall(): boolean {
    return false;
  }

  override fill(words: Uint32Array, at: number): void {
    fillEntry(words, at, OP_NOP, -1, 0, 0, 0);
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
