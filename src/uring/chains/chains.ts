/** Chains on a ring: from steps to operations, and from what became of them to results. */

import type { BackendFile } from '../../contract/backend.js';
import {
  type ChainBackend,
  type ChainOutcome,
  type ChainStep,
  methodOf,
  subjectOf,
  type TimeLimit,
} from '../../contract/chain-steps.js';
import {
  abortError,
  chainTooLongError,
  featureUnavailableError,
  ringClosedError,
} from '../../errors/index.js';
import { OP_READV, OP_WRITEV } from '../../native/sqe.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import type { Operation } from '../engine/operation.js';
import { CallOperation, lackOf } from '../files/call-operations.js';
import { closeOf } from '../files/closing.js';
import type { UringFiles } from '../files/files.js';
import { type OpenedFd, OpenOperation } from '../files/open-operation.js';
import { mayStall } from '../files/routes.js';
import { readTransfer, vectoredTransfer, writeTransfer } from '../files/transfers.js';
import type { UringFile } from '../files/uring-file.js';
import { linkLengths, RunningChain } from './running-chain.js';

interface ChainLimits {
  submissionEntries: number;
  inFlightMax: number;
  /** What the SQ thread takes in one pass when it may serve other rings, or undefined. */
  sharedPass: number | undefined;
}

export class UringChains implements ChainBackend {
  readonly #dispatcher: Dispatcher;
  readonly #files: UringFiles;
  readonly #limits: ChainLimits;

  constructor(dispatcher: Dispatcher, files: UringFiles, limits: ChainLimits) {
    this.#dispatcher = dispatcher;
    this.#files = files;
    this.#limits = limits;
  }

  async run(
    steps: readonly ChainStep[],
    limit: TimeLimit | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ChainOutcome[]> {
    this.#checkLengths(steps);
    if (this.#dispatcher.isClosing) throw ringClosedError();
    if (signal?.aborted) throw abortError(signal);
    for (const step of steps) if (step.kind === 'close') this.#own(step.file, 'close').leaveTable();
    const operations = this.#toOperations(steps);
    const { observation } = this.#dispatcher;
    if (observation.isWanted) {
      for (const operation of operations) {
        observation.observe(operation.describe(), () => operation.promise).catch(() => {});
      }
    }
    const chain = new RunningChain(this.#dispatcher, steps, operations, limit);
    chain.start(signal);
    await chain.ended;
    chain.stopWatching(signal);
    const outcomes: ChainOutcome[] = [];
    for (const part of chain.parts) {
      outcomes.push(this.#finish(part.step, await chain.outcomeOf(part)));
    }
    return outcomes;
  }

  /** What the kernel links must reach it in one piece. */
  #checkLengths(steps: readonly ChainStep[]): void {
    const longest = Math.max(...linkLengths(steps));
    const { submissionEntries, inFlightMax, sharedPass } = this.#limits;
    const check = (limit: number, name: string): void => {
      if (longest > limit) throw chainTooLongError(longest, limit, name);
    };
    check(submissionEntries, 'submissionEntries');
    check(inFlightMax, 'inFlightMax');
    if (sharedPass !== undefined) check(sharedPass, 'the SQ thread of a group');
  }

  #own(file: BackendFile, syscall: string): UringFile {
    return this.#files.ownFile(file, syscall);
  }

  /** All of them, or none: an operation counts as pending on its file from the beginning. */
  #toOperations(steps: readonly ChainStep[]): Operation<unknown>[] {
    const operations: Operation<unknown>[] = [];
    try {
      for (const step of steps) operations.push(this.#toOperation(step));
    } catch (error) {
      for (const operation of operations) {
        operation.failWith(() => operation.canceledError());
        operation.promise.catch(() => {});
      }
      throw error;
    }
    return operations;
  }

  #toOperation(step: ChainStep): Operation<unknown> {
    const { syscall } = subjectOf(step);
    switch (step.kind) {
      case 'read':
      case 'write': {
        const { buffer, offset, length, position } = step;
        const transfer = step.kind === 'read' ? readTransfer : writeTransfer;
        return transfer(this.#own(step.file, syscall), buffer, offset, length, position);
      }
      case 'readv':
      case 'writev': {
        const opcode = step.kind === 'readv' ? OP_READV : OP_WRITEV;
        return vectoredTransfer(this.#own(step.file, syscall), opcode, step.spans, step.position);
      }
      case 'open': {
        const from = step.rules && this.#files.toOpenFrom(step.rules);
        // By a kernel thread: the kernel's first try without one would not wait for a FIFO's other side.
        return new OpenOperation(step.path, step.flags, step.mode, true, from);
      }
      case 'close':
        return closeOf(this.#own(step.file, syscall).fd);
      default: {
        const lack = lackOf(step, this.#dispatcher);
        if (lack !== undefined) throw featureUnavailableError(`${methodOf(step)} in a chain`, lack);
        return new CallOperation(step, 'file' in step ? this.#own(step.file, syscall) : undefined);
      }
    }
  }

  /** What an ended step means for its file; its value as the caller knows it. */
  #finish(step: ChainStep, outcome: ChainOutcome): ChainOutcome {
    // A descriptor is gone even when closing it failed.
    if (step.kind === 'close' && (outcome.kind === 'done' || outcome.kind === 'failed')) {
      (step.file as UringFile).noteClosed();
    }
    if (outcome.kind !== 'done') return outcome;
    switch (step.kind) {
      case 'open':
        try {
          return {
            kind: 'done',
            value: this.#files.adopt(outcome.value as OpenedFd, mayStall(this.#dispatcher, step.path)),
          };
        } catch (error) {
          return { kind: 'stopped', error: error as Error };
        }
      case 'readv':
        return { kind: 'done', value: { bytesRead: outcome.value, buffers: step.buffers } };
      case 'writev':
        return { kind: 'done', value: { bytesWritten: outcome.value, buffers: step.buffers } };
      default:
        return outcome;
    }
  }
}
