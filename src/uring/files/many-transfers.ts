/** Reads or writes of one file at many positions, as one operation. */
import type { ReadResult, Transfer, WriteResult } from '../../contract/backend.js';
import { KERNEL_TRANSFER_BYTES_MAX } from '../../contract/chain-steps.js';
import type { View } from '../../base/views.js';
import { systemError } from '../../errors/index.js';
import { addressOf, addressWithin } from '../../native/addresses.js';
import {
  OP_READ,
  OP_READ_FIXED,
  OP_WRITE,
  OP_WRITE_FIXED,
  prepRw,
  prepSyncFileRange,
  type Sqe,
  useFixedBuffer,
} from '../../native/sqe.js';
import { ManyCalls } from '../engine/many-calls.js';
import { NO_SLOT, type PooledMemory } from '../memory/registered-buffers.js';
import type { OpenFile } from './open-file.js';
import { isBeyondRing, transferFlags } from './routes.js';

abstract class ManyTransfers<Result> extends ManyCalls<Result> {
  readonly #file: OpenFile;
  readonly #opcode: number;
  /** SAFETY: what the kernel reads from or writes to, kept alive until the terminal completion. */
  readonly #transfers: readonly Transfer[];
  /** Which of that is of pools, by index. */
  readonly #pooled: readonly (PooledMemory | undefined)[] | undefined;

  constructor(file: OpenFile, opcode: number, transfers: readonly Transfer[]) {
    super(transfers.length);
    this.#file = file;
    this.#opcode = opcode;
    this.#transfers = transfers;
    this.#pooled = file.pools && pooledMemoryOf(file.pools, transfers);
    for (const memory of this.#pooled ?? []) memory?.buffer.enter();
    file.pending.enter();
  }

  protected bufferAt(index: number): View {
    return (this.#transfers[index] as Transfer).buffer;
  }

  protected override prepare(sqe: Sqe, index: number): void {
    const file = this.#file;
    const { buffer, offset, length, position } = this.#transfers[index] as Transfer;
    // As in a chain: it fails with ESPIPE, where the ring would take it for one at the cursor.
    if (isBeyondRing(file.isSeekable, position)) {
      prepSyncFileRange(sqe, file.target, file.targetFlags, 0, 0, 0);
      return;
    }
    const opcode = this.#opcode;
    const bytes = length > KERNEL_TRANSFER_BYTES_MAX ? KERNEL_TRANSFER_BYTES_MAX : length;
    const flags = file.targetFlags | transferFlags(opcode, bytes, file.isSeekable);
    prepRw(sqe, opcode, file.target, flags, addressWithin(buffer, offset, bytes), bytes, position);
    const pooled = this.#pooled?.[index];
    if (pooled === undefined || pooled.slot === NO_SLOT) return;
    useFixedBuffer(sqe, opcode === OP_READ ? OP_READ_FIXED : OP_WRITE_FIXED, pooled.slot);
  }

  override get owner(): OpenFile {
    return this.#file;
  }

  protected override errorOf(errno: number): Error {
    return systemError(errno, this.#opcode === OP_READ ? 'read' : 'write');
  }

  protected override onSettled(): void {
    for (const memory of this.#pooled ?? []) memory?.buffer.leave();
    this.#file.pending.leave();
  }
}

type Pools = NonNullable<OpenFile['pools']>;

function pooledMemoryOf(pools: Pools, transfers: readonly Transfer[]): (PooledMemory | undefined)[] {
  return transfers.map(({ buffer, offset, length }) =>
    pools.find(buffer, addressOf(buffer) + offset, length),
  );
}

export class ManyReads extends ManyTransfers<ReadResult<View>> {
  constructor(file: OpenFile, reads: readonly Transfer[]) {
    super(file, OP_READ, reads);
  }

  protected override toResult(bytesRead: number, index: number): ReadResult<View> {
    return { bytesRead, buffer: this.bufferAt(index) };
  }
}

export class ManyWrites extends ManyTransfers<WriteResult<View>> {
  constructor(file: OpenFile, writes: readonly Transfer[]) {
    super(file, OP_WRITE, writes);
  }

  protected override toResult(bytesWritten: number, index: number): WriteResult<View> {
    return { bytesWritten, buffer: this.bufferAt(index) };
  }
}
