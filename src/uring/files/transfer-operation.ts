/** A read or write of an open file, of one piece of memory or several, as an operation. */

import type { View } from '../../base/views.js';
import { CURRENT_POSITION, type Position } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError } from '../../errors/index.js';
import { addressWithin } from '../../native/addresses.js';
import { binding } from '../../native/binding.js';
import {
  OP_READ,
  OP_READV,
  OP_WRITE,
  OP_WRITEV,
  prepRw,
  prepSyncFileRange,
  type Sqe,
} from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import { Vectors } from '../engine/vectors.js';
import type { OpenFile } from './open-file.js';
import { isBeyondRing, transferFlags } from './routes.js';

/** Moves bytes between a view, or several, and a file. `toResult` is told how many. */
export class TransferOperation<Result> extends Operation<Result> {
  readonly #file: OpenFile;
  readonly #opcode: number;
  /** SAFETY: what the kernel reads from or writes to, kept alive until the terminal completion. */
  readonly #memory: View | Vectors;
  readonly #offset: number;
  readonly #length: number;
  readonly #position: Position;
  readonly #toResult: (bytes: number, memory: never) => Result;

  /**
   * @param offset of a view's first byte that is meant.
   * @param length in bytes, or for vectors how many there are.
   */
  constructor(
    file: OpenFile,
    opcode: number,
    memory: View | Vectors,
    offset: number,
    length: number,
    position: Position,
    toResult: (bytes: number, memory: never) => Result,
  ) {
    super();
    this.#file = file;
    this.#opcode = opcode;
    this.#memory = memory;
    this.#offset = offset;
    this.#length = length;
    this.#position = position;
    this.#toResult = toResult;
    file.pending.enter();
  }

  override fill(sqe: Sqe): void {
    const file = this.#file;
    // A transfer at a position of what has none, as part of a chain: the ring would take it for one at the cursor, and
    // wait. So the kernel is asked for something else, which fails with ESPIPE as pread(2) does (sync_file_range(2)).
    if (isBeyondRing(file.isSeekable, this.#position)) {
      prepSyncFileRange(sqe, file.target, file.targetFlags, 0, 0, 0);
      return;
    }
    const memory = this.#memory;
    const address =
      memory instanceof Vectors ? memory.fill() : addressWithin(memory, this.#offset, this.#length);
    const flags = file.targetFlags | transferFlags(this.#opcode, this.#length, file.isSeekable);
    prepRw(sqe, this.#opcode, file.target, flags, address, this.#length, this.#position);
  }

  override complete(result: number): void {
    if (result > 0 && this.#isShortAtCursor(result)) binding().advanceCursor(this.#file.fd, result);
    if (result >= 0) this.fulfil(this.#toResult(result, this.#memory as never));
    else this.fail(result);
  }

  #isShortAtCursor(bytes: number): boolean {
    if (this.#position !== CURRENT_POSITION || !this.#file.leavesCursor) return false;
    if (this.#opcode === OP_WRITE) return bytes < this.#length;
    return this.#opcode === OP_WRITEV && bytes < (this.#memory as Vectors).bytes;
  }

  override get owner(): OpenFile {
    return this.#file;
  }

  protected override errorFor(errno: number): Error {
    // Node names the plain call for the vectored ones too.
    return systemError(errno, this.#opcode === OP_READ || this.#opcode === OP_READV ? 'read' : 'write');
  }

  override describe(): OperationFacts {
    const fd = this.#file.fd;
    switch (this.#opcode) {
      case OP_READ:
        return { kind: 'read', fd, bytes: this.#length };
      case OP_WRITE:
        return { kind: 'write', fd, bytes: this.#length };
      default:
        return { kind: this.#opcode === OP_READV ? 'readv' : 'writev', fd };
    }
  }

  protected override onSettled(): void {
    this.#file.pending.leave();
  }
}
