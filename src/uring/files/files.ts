/** Files on a ring: how they are opened, operations on paths, and whole files by their paths. */

import { type BigIntStats, constants, type Stats } from 'node:fs';
import type {
  BackendFile,
  FileBackend,
  ManyResults,
  OpenRules,
  Path,
  WholeRead,
  WholeWrite,
} from '../../contract/backend.js';
import type { CallOnPath, FileCallOf, ResultOf } from '../../contract/file-calls.js';
import { fileClosedError, otherRingError, ringClosedError } from '../../errors/index.js';
import { binding } from '../../native/binding.js';
import type { Dispatcher } from '../engine/dispatcher.js';
import { resultsOfAll } from '../engine/many-calls.js';
import type { CachedPaths, OpenedRead } from './cached-paths.js';
import { CallOperation } from './call-operations.js';
import { type DirectSlots, NO_DIRECT_SLOT } from './direct-slots.js';
import { doOnRing } from './file-calls.js';
import { ManyStats } from './many-stats.js';
import { openDescriptor } from './open.js';
import { type OpenedFd, type OpenFrom, OpenOperation } from './open-operation.js';
import { isOpenedByWorker, mayStall } from './routes.js';
import type { SharedByFiles } from './shared-by-files.js';
import { UringFile } from './uring-file.js';
import { type FurtherReader, installOf, WholeReadOperation } from './whole-read.js';
import { type FurtherWriter, WholeWriteOperation } from './whole-write.js';

/** Descriptors that inline reads may have opened and not read to the end. */
const OPENED_READS_MAX = 64;

export class UringFiles implements FileBackend, FurtherReader, FurtherWriter {
  readonly #dispatcher: Dispatcher;
  readonly #shared: SharedByFiles;
  /** Undefined where whole-file operations can't do without a descriptor. */
  readonly #slots: DirectSlots | undefined;
  /** Reads that have found their file open. */
  #openedReadCount = 0;

  constructor(dispatcher: Dispatcher, shared: SharedByFiles, slots: DirectSlots | undefined) {
    this.#dispatcher = dispatcher;
    this.#shared = shared;
    this.#slots = slots;
  }

  readWhole<Content>(
    path: Path,
    read: WholeRead<Content>,
    signal: AbortSignal | undefined,
  ): Promise<Content> | undefined {
    if (signal === undefined && typeof path === 'string' && this.#openedReadCount < OPENED_READS_MAX) {
      const found = this.#pathsOnTheSpot?.readWhole(path, read);
      if (found instanceof Promise) return found;
      if (found !== undefined) return this.#readOpened(path, read, found);
    }
    const slots = this.#slots;
    const index = slots?.acquire() ?? NO_DIRECT_SLOT;
    if (slots === undefined || index === NO_DIRECT_SLOT) return undefined;
    const dispatcher = this.#dispatcher;
    return dispatcher.submit(
      new WholeReadOperation(
        path,
        read,
        dispatcher,
        this.#shared.cachedPaths,
        slots,
        index,
        this,
        signal,
        isOpenedByWorker(dispatcher, path),
      ),
      signal,
    );
  }

  /** The caches, where a call may be made inline now. */
  get #pathsOnTheSpot(): CachedPaths | undefined {
    return this.#dispatcher.canGoInline ? this.#shared.cachedPaths : undefined;
  }

  isKnownDirectory(path: Path): boolean {
    return typeof path === 'string' && this.#pathsOnTheSpot?.isDirectory(path) === true;
  }

  /** Reads on from where an inline read has come to. */
  async #readOpened<Content>(path: string, read: WholeRead<Content>, opened: OpenedRead): Promise<Content> {
    let isTaken = false;
    const giveUp = (): void => {
      if (!isTaken) binding().closeFd(opened.fd);
      isTaken = true;
    };
    const open = async (): Promise<BackendFile> => {
      if (!opened.isFifo) {
        isTaken = true;
        return this.adopt(opened, mayStall(this.#dispatcher, path));
      }
      try {
        // The descriptor stays a reader meanwhile, for a writer that has seen it.
        return await this.#reopen(path, undefined);
      } finally {
        giveUp();
      }
    };
    this.#openedReadCount++;
    try {
      return await read.readOn(opened.byteCount, open);
    } finally {
      this.#openedReadCount--;
      giveUp();
    }
  }

  async readOn<Content>(
    path: Path,
    read: WholeRead<Content>,
    index: number,
    byteCount: number,
    signal: AbortSignal | undefined,
  ): Promise<Content> {
    // Nothing at all: an empty file, or a FIFO that has no writer; a writer finds a reader meanwhile.
    const reopen = (): Promise<BackendFile> => this.#reopen(path, signal);
    const install = (): Promise<BackendFile> => this.#install(path, index, signal);
    return await this.#withSlot(index, byteCount === 0 ? reopen : install, (open) =>
      read.readOn(byteCount, open),
    );
  }

  writeWhole(path: Path, write: WholeWrite, signal: AbortSignal | undefined): Promise<void> | undefined {
    const slots = this.#slots;
    const index = slots?.acquire() ?? NO_DIRECT_SLOT;
    if (slots === undefined || index === NO_DIRECT_SLOT) return undefined;
    const dispatcher = this.#dispatcher;
    return dispatcher.submit(
      new WholeWriteOperation(path, write, dispatcher, slots, index, this, signal),
      signal,
    );
  }

  async writeOn(
    path: Path,
    write: WholeWrite,
    index: number,
    bytesWritten: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const install = async (): Promise<BackendFile> => {
      const file = await this.#install(path, index, signal);
      if (bytesWritten > 0 && bytesWritten < write.content.bytes) {
        binding().advanceCursor(file.fd, bytesWritten);
      }
      return file;
    };
    await this.#withSlot(index, install, (open) => write.writeOn(bytesWritten, open));
  }

  /** A file of its own for what is open with a direct descriptor. */
  async #install(path: Path, index: number, signal: AbortSignal | undefined): Promise<UringFile> {
    const installed = await this.#dispatcher.submit(installOf(index), signal);
    return this.adopt(installed, mayStall(this.#dispatcher, path));
  }

  /** Lets `use` go on with an open file; closes the direct descriptor once `open` was called or never will be. */
  async #withSlot<Value>(
    index: number,
    open: () => Promise<BackendFile>,
    use: (open: () => Promise<BackendFile>) => Promise<Value>,
  ): Promise<Value> {
    let isClosing = false;
    let closing: Promise<void> | undefined;
    const close = (): void => {
      if (!isClosing) closing = this.#slots?.close(index);
      isClosing = true;
    };
    try {
      return await use(() => open().finally(close));
    } finally {
      close();
      await closing;
    }
  }

  do<Call extends CallOnPath>(call: Call, signal: AbortSignal | undefined): Promise<ResultOf<Call>>;
  do(call: CallOnPath, signal: AbortSignal | undefined): Promise<unknown> {
    switch (call.kind) {
      case 'open':
        return this.#open(call, signal);
      case 'stat':
      case 'lstat':
        return this.#stat(call, signal);
      default:
        return doOnRing(call, undefined, this.#dispatcher, signal);
    }
  }

  #reopen(path: Path, signal: AbortSignal | undefined): Promise<BackendFile> {
    return this.#open({ kind: 'open', path, flags: constants.O_RDONLY, mode: 0 }, signal);
  }

  async #open(call: FileCallOf<'open'>, signal: AbortSignal | undefined): Promise<BackendFile> {
    const { path, flags, mode, rules } = call;
    const from = rules && this.toOpenFrom(rules);
    const isStalling = mayStall(this.#dispatcher, path, from?.directory);
    const opened = isOpenedByWorker(this.#dispatcher, path, from?.directory)
      ? await this.#dispatcher.submit(new OpenOperation(path, flags, mode, true, from), signal)
      : await openDescriptor(this.#dispatcher, path, flags, mode, from, signal);
    return this.adopt(opened, isStalling);
  }

  #stat(call: FileCallOf<'stat' | 'lstat'>, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    const { path, bigint } = call;
    if (signal === undefined && typeof path === 'string') {
      const stats = this.#pathsOnTheSpot?.stat(path, bigint, call.kind === 'lstat');
      if (stats !== undefined) return stats;
    }
    const { cachedPaths } = this.#shared;
    return this.#dispatcher.submit(new CallOperation(call, undefined, undefined, cachedPaths), signal);
  }

  statMany(
    paths: readonly Path[],
    bigint: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<Stats | BigIntStats>> {
    const make = (start: number, end: number): ManyStats => new ManyStats(paths.slice(start, end), bigint);
    return resultsOfAll(this.#dispatcher, paths.length, make, { kind: 'statMany' }, signal);
  }

  /** The file of a descriptor that this ring has just opened. */
  adopt(opened: OpenedFd, isStalling: boolean): UringFile {
    if (this.#dispatcher.isClosing) {
      // The ring was closed while the kernel opened the file: it may not be used any more.
      binding().closeFd(opened.fd);
      throw ringClosedError();
    }
    return new UringFile(this.#dispatcher, this.#shared, opened, isStalling);
  }

  toOpenFrom({ directory, resolve }: OpenRules): OpenFrom {
    return { directory: directory && this.ownFile(directory, 'open'), resolve };
  }

  /** `file` as one of this ring's, still open. */
  ownFile(file: BackendFile, syscall: string): UringFile {
    if (!(file instanceof UringFile) || !file.isOn(this.#dispatcher)) throw otherRingError();
    if (file.isClosing) throw fileClosedError(syscall);
    return file;
  }
}
