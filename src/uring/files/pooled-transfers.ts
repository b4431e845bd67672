/** Transfers to and from the memory of buffer pools, which know when such memory is in use. */
import type { View } from '../../base/views.js';
import type { Position } from '../../contract/backend.js';
import type { PoolBuffer } from '../../contract/buffer-pools.js';
import { OP_READ, OP_READ_FIXED, OP_WRITE_FIXED, type Sqe, useFixedBuffer } from '../../native/sqe.js';
import type { Vectors } from '../engine/vectors.js';
import { NO_SLOT, type PooledMemory } from '../memory/registered-buffers.js';
import { TransferOperation } from './transfer-operation.js';
import type { OpenFile } from './open-file.js';

/** A read or write of one buffer; where the kernel knows the memory, by its buffer index. */
export class PooledTransfer<Result> extends TransferOperation<Result> {
  readonly #memory: PooledMemory;
  readonly #fixedOpcode: number;

  constructor(
    memory: PooledMemory,
    file: OpenFile,
    opcode: number,
    view: View,
    offset: number,
    length: number,
    position: Position,
    toResult: (bytes: number, view: never) => Result,
  ) {
    super(file, opcode, view, offset, length, position, toResult);
    this.#memory = memory;
    this.#fixedOpcode = opcode === OP_READ ? OP_READ_FIXED : OP_WRITE_FIXED;
    memory.buffer.enter();
  }

  override fill(sqe: Sqe): void {
    super.fill(sqe);
    const { slot } = this.#memory;
    if (slot !== NO_SLOT) useFixedBuffer(sqe, this.#fixedOpcode, slot);
  }

  protected override onSettled(): void {
    this.#memory.buffer.leave();
    super.onSettled();
  }
}

/** A vectored transfer, some of whose memory is of pools. */
export class PooledVectors extends TransferOperation<number> {
  readonly #buffers: readonly PoolBuffer[];

  constructor(
    buffers: readonly PoolBuffer[],
    file: OpenFile,
    opcode: number,
    vectors: Vectors,
    position: Position,
    toResult: (bytes: number) => number,
  ) {
    super(file, opcode, vectors, 0, vectors.count, position, toResult);
    this.#buffers = buffers;
    for (const buffer of buffers) buffer.enter();
  }

  protected override onSettled(): void {
    for (const buffer of this.#buffers) buffer.leave();
    super.onSettled();
  }
}
