/** An open file over node:fs: its calls in Node's thread pool, and its close. */
import { EFBIG } from '../base/errno.js';
import { nodeModule } from '../base/node-modules.js';
import { PendingCount } from '../base/pending-count.js';
import { bytesOf, filledOf, Span, type View } from '../base/views.js';
import type {
  BackendFile,
  ManyResults,
  PoolCallback,
  Position,
  ReadResult,
  Transfer,
  WriteResult,
} from '../contract/backend.js';
import type { CallOnFile, ResultOf } from '../contract/file-calls.js';
import type { OperationFacts } from '../contract/observation.js';
import { abortError, fileClosedError, systemError } from '../errors/index.js';
import type { EpollPolls } from '../native/epoll-polls.js';
import { called } from '../native/pool-call.js';
import { checkForPool, startInPool } from '../native/pool-file-calls.js';
import type { Admission } from './admission.js';
import { resultsOfAll } from './many-calls.js';
import { CursorReads } from './cursor-reads.js';
import type { NodePools } from './pools.js';

const nodeFs = nodeModule('node:fs');

/**
 * node:fs wants null for the file's own cursor, and would take what is no exact number for that too.
 * No file system keeps so long a file: the system's own answer is EFBIG.
 */
function toNodePosition(position: Position, syscall: 'read' | 'write'): number | null {
  if (position > Number.MAX_SAFE_INTEGER) throw systemError(EFBIG, syscall);
  return position < 0 ? null : Number(position);
}

/** Reads take positions beyond 2^53 as well. */
function toReadPosition(position: Position): Position | null {
  return position < 0 ? null : position;
}

export class NodeFile implements BackendFile {
  readonly fd: number;
  /** It is unknown. */
  readonly mayWait = true;
  readonly #admission: Admission;
  readonly #cursorReads: CursorReads;
  readonly #pools: NodePools;
  readonly #pending = new PendingCount();
  #closing: Promise<void> | undefined;
  #isClosed = false;

  /** @param polls for waiting; undefined for a file that was opened with O_NONBLOCK. */
  constructor(admission: Admission, polls: EpollPolls | undefined, pools: NodePools, fd: number) {
    this.fd = fd;
    this.#pools = pools;
    this.#admission = admission;
    this.#cursorReads = new CursorReads(fd, polls);
  }

  /** Runs a call that names the descriptor, which stays open until Node is done with it. */
  #run<Result>(
    syscall: string,
    call: (callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
    facts: OperationFacts = { kind: syscall, fd: this.fd },
    isAtCursor = false,
    spans: readonly Span[] = [],
  ): Promise<Result> {
    if (this.#closing) return Promise.reject(fileClosedError(syscall));
    // Pending from now on, not from its turn: `close` must not overtake it.
    this.#pending.enter();
    const pooled = this.#pools.find(spans);
    for (const buffer of pooled) buffer.enter();
    const onOver = (): void => {
      for (const buffer of pooled) buffer.leave();
      this.#pending.leave();
    };
    const options = { signal, onOver, facts };
    if (!isAtCursor) return this.#admission.call<Result>(call, options);
    return this.#admission.call<Result>((done, running) => {
      const end: PoolCallback<Result> = (error, result) => {
        done(error, result);
        this.#cursorReads.next();
      };
      const begin = (): boolean => {
        try {
          call(end);
          return true;
        } catch (error) {
          done(error as Error);
          return false;
        }
      };
      this.#cursorReads.add({ running, begin, fail: done });
    }, options);
  }

  read<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>> {
    const at = toReadPosition(position);
    return this.#run<ReadResult<Data>>(
      'read',
      (callback) =>
        nodeFs.read(this.fd, bytesOf(buffer, offset, length), 0, length, at, (error, bytesRead) =>
          callback(error, { bytesRead, buffer }),
        ),
      signal,
      { kind: 'read', fd: this.fd, bytes: length },
      at === null,
      [new Span(buffer)],
    );
  }

  write<Data extends View>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>> {
    return this.#run<WriteResult<Data>>(
      'write',
      (callback) => {
        const at = toNodePosition(position, 'write');
        nodeFs.write(this.fd, bytesOf(buffer, offset, length), 0, length, at, (error, bytesWritten) =>
          callback(error, { bytesWritten, buffer }),
        );
      },
      signal,
      { kind: 'write', fd: this.fd, bytes: length },
      false,
      [new Span(buffer)],
    );
  }

  async readv(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number> {
    const at = toNodePosition(position, 'read');
    const call = (callback: PoolCallback<number>): void =>
      nodeFs.readv(
        this.fd,
        spans.map((span) => span.toBytes()),
        at as number,
        callback,
      );
    return await this.#run<number>('read', call, signal, { kind: 'readv', fd: this.fd }, at === null, spans);
  }

  async writev(spans: readonly Span[], position: Position, signal: AbortSignal | undefined): Promise<number> {
    const at = toNodePosition(position, 'write');
    const call = (callback: PoolCallback<number>): void =>
      nodeFs.writev(
        this.fd,
        filledOf(spans).map((span) => span.toBytes()),
        at as number,
        callback,
      );
    return await this.#run<number>('write', call, signal, { kind: 'writev', fd: this.fd }, false, spans);
  }

  readMany(
    reads: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<ReadResult<View>>> {
    if (this.#closing) return Promise.reject(fileClosedError('read'));
    return resultsOfAll(
      reads.map(({ buffer, offset, length, position }) =>
        this.read(buffer, offset, length, position, signal),
      ),
    );
  }

  writeMany(
    writes: readonly Transfer[],
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<WriteResult<View>>> {
    if (this.#closing) return Promise.reject(fileClosedError('write'));
    return resultsOfAll(
      writes.map(({ buffer, offset, length, position }) =>
        this.write(buffer, offset, length, position, signal),
      ),
    );
  }

  do<Call extends CallOnFile>(call: Call, signal: AbortSignal | undefined): Promise<ResultOf<Call>>;
  async do(call: CallOnFile, signal: AbortSignal | undefined): Promise<unknown> {
    if (call.kind === 'close') {
      if (signal?.aborted) throw abortError(signal);
      return await this.close();
    }
    checkForPool(call);
    return await this.#run<unknown>(call.kind, (callback) => startInPool(call, callback), signal);
  }

  cancel(): number {
    // The number may be another file's by now.
    return this.#isClosed ? 0 : this.#admission.cancel(this.fd);
  }

  whenIdle(): Promise<void> {
    return this.#pending.whenIdle();
  }

  isOn(admission: Admission): boolean {
    return this.#admission === admission;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#pending.whenIdle();
    this.#isClosed = true;
    const start = (): Promise<void> =>
      called<void>((callback) => nodeFs.close(this.fd, (error) => callback(error ?? null)));
    await this.#admission.runAnyway(start, { kind: 'close', fd: this.fd });
  }

  closeAtOnce(): boolean {
    if (this.#closing !== undefined || !this.#pending.isIdle) return false;
    this.#closing = Promise.resolve();
    this.#isClosed = true;
    nodeFs.closeSync(this.fd);
    return true;
  }
}
