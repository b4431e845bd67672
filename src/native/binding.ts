/** The addon as TypeScript sees it. Only this file and addon-file.ts know that one exists. */

import type { Degradation } from '../contract/backend.js';
import { backendUnavailableError } from '../errors/index.js';
import { loadAddon } from './addon-file.js';
import { SHARED_LAYOUT } from './layout.js';
import { foreignRuntime } from './ruling.js';

interface NativeRingOptions {
  /** Whether it is served by a ring in user space instead of the kernel. Default false. */
  isUserSpace?: boolean;
  submissionEntries: number;
  completionEntries: number;
  completionEntriesMin: number;
  taskRun: string;
  registerRingFd: boolean;
  busyPollUs: number;
  coalesceCount: number;
  coalesceUs: number;
  isCoalesceAdaptive: boolean;
  collectMax: number;
  completionEntriesMax: number;
  ioWorkersBounded: number;
  ioWorkersUnbounded: number;
  sqPoll:
    | {
        group: string | undefined;
        threads: number | undefined;
        cpus: readonly number[] | undefined;
        idleMs: number | undefined;
      }
    | undefined;
}

/** What the kernel made of the options; `errno` is negative when it refused. */
export interface NativeRingDescription {
  errno: number;
  /** The option on which an existing group disagrees, and what is in force there; '' if none. */
  conflictingOption: string;
  inForce: string;
  fd: number;
  flags: string[];
  features: number;
  submissionEntries: number;
  completionEntries: number;
  /** 0, or the negative errno with which the kernel refused to register the ring's descriptor. */
  ringFdRegistration: number;
  degraded: Degradation[];
  sqPoll?: { group: string | null; threadIndex: number; threadId: number; cpu: number; idleMs: number };
}

/** Methods that return a number return a negative errno on failure. */
export interface NativeRing {
  describe(): NativeRingDescription;
  start(control: Uint32Array, submissions: Uint32Array, completions: Int32Array, settle: () => void): boolean;
  refLoop(): void;
  /** Whether the kernel has taken everything that was staged. */
  submit(): boolean;
  /**
   * What has become of an operation that has been submitted, ahead of its terminal completion, which comes all the
   * same; -EAGAIN if that can't be told. It waits for an SQ thread, so many milliseconds at most.
   */
  resultOf(slot: number, markedGeneration: number, msMax: number): number;
  close(): void;
  setRef(isRef: boolean): void;
  stats(into: Float64Array): void;
  /** Whether the kernel knows each, by number. */
  opcodes(): boolean[];
  registerFiles(count: number): number;
  updateFile(index: number, fd: number): number;
  /** A table of so many buffer indexes, all empty. */
  registerBuffers(count: number): number;
  /** Puts memory under a buffer index; an address and a length of 0 empty it. */
  updateBuffer(index: number, address: number, bytes: number): number;
  registerBufferRing(groupId: number, address: number, entries: number, isIncremental: boolean): number;
  unregisterBufferRing(groupId: number): number;
}

/** A descriptor watched through epoll; events are poll(2)'s bits. */
export interface NativeWatch {
  /** 0, or the negative errno with which epoll refused; then there is nothing to close. */
  readonly errno: number;
  close(): void;
}

interface NativeSqPollThread {
  index: number;
  threadId: number;
  cpus: number[];
  ringCount: number;
  busyShare: number;
  totalUs: number;
  workUs: number;
}

export interface NativeSqPollGroup {
  name: string;
  idleMs: number;
  cpus: number[];
  threads: NativeSqPollThread[];
}

interface NativeAddress {
  address: string;
  port: number;
  family: 'IPv4' | 'IPv6';
}

/** Which system call `injectFault` makes fail. */
export const FAULT_SETUP = 0;
export const FAULT_ENTER = 1;
export const FAULT_REGISTER = 2;
export const FAULT_MAP = 3;

/** What trials on a ring of their own have shown: a count or 0, or a negative errno, each. */
export interface NativeProbe {
  /** 0, or why there is no ring at all; then the rest says nothing. */
  setup: number;
  /** Bits of IORING_FEAT_*. */
  features: number;
  /** By opcode; empty where the kernel has no probe. */
  opcodes: boolean[];
  multishotReceive: number;
  zeroCopySend: number;
  hasNotified: boolean;
  zeroCopySendWithoutHeader: number;
  bufferRing: number;
  incrementalBufferRing: number;
  sparseFileTable: number;
  registeredRingFd: number;
  resizedRing: number;
  /** IORING_REGISTER_QUERY's answer (Linux 6.18). */
  query?: {
    requestOpcodes: number;
    registerOpcodes: number;
    features: number;
    setupFlags: number;
    enterFlags: number;
    sqeFlags: number;
  };
}

/** What an older kernel lacks, by its own numbers. */
export interface KernelGaps {
  opcodes: readonly number[];
  registrations: readonly number[];
  setupFlags: number;
  receiveFlags: number;
  bufferRingFlags: number;
}

/** A `FileCopy` of the addon's, which is given up when it is collected. */
interface NativeCopy {
  readonly [NATIVE_COPY]: true;
}

declare const NATIVE_COPY: unique symbol;

export interface Binding {
  NativeRing: new (options: NativeRingOptions) => NativeRing;
  NativeWatch: new (fd: number, events: number, onEvents: (events: number) => void) => NativeWatch;
  /** What of the events holds now, or a negative errno. */
  pollNow(fd: number, events: number): number;
  /** Remembers what a signal does, and brings it back; 0 or a negative errno. */
  saveSignal(number: number): number;
  restoreSignal(number: number): number;
  addressOf(view: NodeJS.ArrayBufferView): number;
  /**
   * Extended attributes, in libuv's thread pool: of a descriptor, or of a path as bytes. The callbacks get a
   * negative errno when it fails.
   */
  getAttribute(
    target: number | Buffer,
    isOfLink: boolean,
    name: string,
    callback: (result: Buffer | number) => void,
  ): void;
  setAttribute(
    target: number | Buffer,
    isOfLink: boolean,
    name: string,
    value: Buffer,
    flags: number,
    callback: (result: number) => void,
  ): void;
  /** The names, each with a NUL behind it. */
  listAttributes(
    target: number | Buffer,
    isOfLink: boolean,
    callback: (result: Buffer | number) => void,
  ): void;
  removeAttribute(
    target: number | Buffer,
    isOfLink: boolean,
    name: string,
    callback: (result: number) => void,
  ): void;
  /** @param mode Node's COPYFILE_* bits. */
  copyFile(from: Buffer, to: Buffer, mode: number, callback: (result: number) => void): void;
  /** The same in portions, of which the first opens the files. Not more than one call for it at a time. */
  beginCopy(from: Buffer, to: Buffer, mode: number): NativeCopy;
  /** So many bytes more at most; what fails has been given up. */
  continueCopy(
    copy: NativeCopy,
    bytes: number,
    callback: (result: [copiedBytes: number, sourceBytes: number, isDone: boolean] | number) => void,
  ): void;
  /** Removes what there is of it, and does nothing to one that is done. */
  giveUpCopy(copy: NativeCopy, callback: (result: number) => void): void;
  /** STATX_DIOALIGN, in libuv's thread pool: of memory and of offsets; undefined where the kernel does not say. */
  directAlignment(fd: number, callback: (result: [number, number] | undefined | number) => void): void;
  /** Behind a write that fell short at a regular file's cursor; see `AdvanceCursor`. */
  advanceCursor(fd: number, bytes: number): void;
  /** Reads what the page cache has of a range; a position of -1 is the cursor. Bytes, or a negative errno. */
  readCached(fd: number, address: number, bytes: number, position: number): number;
  /** Asks for huge pages: 0, or a negative errno. */
  adviseHugePages(address: number, bytes: number): number;
  groups(): NativeSqPollGroup[];
  allowedCpus(): number[];
  probeKernel(isUserSpace: boolean): NativeProbe;
  /** Whether incremental buffers and receive bundles come out right; each 0 or a negative errno. */
  tryReceives(isUserSpace: boolean): [incremental: number, bundled: number];
  /** Whether a cleared slot of the file table lets go of its file: 0, or a negative errno. */
  tryClearedSlot(isUserSpace: boolean): number;
  /** Effective user, effective group, two words of effective capabilities, supplementary groups. */
  processIdentity(): Uint32Array;
  /** Whether `processIdentity` would say the same now; allocates nothing. */
  hasIdentity(identity: Uint32Array): boolean;
  /** A descriptor, or a negative errno. */
  openDatagramSocket(family: number): number;
  /** 0, or a negative errno; `name` is a struct sockaddr. */
  bindSocket(fd: number, name: Uint8Array): number;
  connectSocket(fd: number, name: Uint8Array): number;
  /** Bytes of the struct sockaddr that is now in `into`, or a negative errno. */
  localName(fd: number, into: Uint8Array): number;
  peerName(fd: number, into: Uint8Array): number;
  /** 0, or a negative errno. */
  setSocketOption(fd: number, level: number, name: number, value: number | Uint8Array): number;
  /** The value of an option that is a number from 0 on, or a negative errno. */
  getSocketOption(fd: number, level: number, name: number): number;
  /** Sends the first `count` messages of an array of struct mmsghdr: how many left, or a negative errno. */
  sendMany(fd: number, headers: Uint32Array, count: number): number;
  /** Sends what the kernel takes at once of the memory: so many bytes, or a negative errno. */
  sendNow(fd: number, address: number, bytes: number): number;
  /** The same of what so many iovecs name. */
  sendPiecesNow(fd: number, address: number, count: number): number;
  localAddress(fd: number): NativeAddress;
  encodeAddress(address: string, port: number, into: Uint8Array): number;
  decodeAddress(from: Uint8Array): NativeAddress;
  closeFd(fd: number): number;
  /**
   * stat or lstat as far as the kernel's caches have the answer, as a struct statx: 0, or a negative errno;
   * EAGAIN where a ring must ask.
   */
  statCached(path: string, isOfLink: boolean, address: number): number;
  /**
   * A whole file, if it is a regular one in the page cache and not longer than `bytes`: its length, or a
   * negative errno; EAGAIN where a ring must. Otherwise a new descriptor comes in the three int32 at
   * `restAddress` (it or -1, whether it is a FIFO's, whether it can seek), and the result is what has been read.
   */
  readFileCached(path: string, address: number, bytes: number, restAddress: number): number;
  /** Whether the kernel's attempt on a path without a thread may wait for another party; '' for any path. */
  mayStall(path: string): boolean;
  /** Whether an open may keep this thread waiting now (cpp/delay_watch.h). */
  isDelayed(): boolean;
  /** Whether it is a pipe's or a FIFO's. Never waits for the file system. */
  isPipe(fd: number): boolean;
  /** A blocking stream socket: its descriptor, or a negative errno. */
  openStream(family: number): number;
  listenOn(fd: number, backlog: number): number;
  shutDown(fd: number, how: number): number;
  peerCredentials(fd: number): [processId: number, userId: number, groupId: number] | number;
  /** From now on closed with the environment; made blocking and close-on-exec. */
  adoptFd(fd: number): number;
  /** Another descriptor for the same, closed with the environment; or a negative errno. */
  duplicateFd(fd: number): number;
  disownFd(fd: number): void;
  /** Another copy of the addon is in this thread: its rings must have their turn after ours. */
  noteOtherCopy(): void;
  injectFault(call: number, errno: number, count: number): void;
  /** For tests: rings on epoll that this thread makes from now on (user_ring/simulation.h); a seed of 0 ends it. */
  simulate(seed: number, gaps: KernelGaps): void;
  /** For tests: how often each thing has happened on this thread's simulated rings, by its name. */
  simulated(): Record<string, number>;
  /** For tests: see `injectPollResults`. */
  injectedPollResults: number[];
  layout: Readonly<Record<string, number>>;
}

let loaded: Binding | undefined;
let failure: Error | undefined;

/** Under it, what all copies of the package in this thread have loaded: two versions in one tree, for example. */
const COPIES = Symbol.for('ringlet.copies');

function meetCopies(binding: Binding): void {
  const scope = globalThis as { [COPIES]?: Set<Pick<Binding, 'noteOtherCopy'>> };
  scope[COPIES] ??= new Set();
  const copies = scope[COPIES];
  // Two copies of this module may share one addon, which Node loads once.
  copies.add(binding);
  if (copies.size > 1) for (const copy of copies) copy.noteOtherCopy();
}

function load(): Binding {
  const runtime = foreignRuntime();
  if (runtime !== null)
    throw backendUnavailableError(`the addon is made for Node.js, and this is ${runtime}`);
  const binding = loadAddon() as Binding;
  for (const [name, value] of Object.entries(SHARED_LAYOUT)) {
    if (binding.layout[name] !== value) {
      throw backendUnavailableError(`the addon was built from other sources (${name})`);
    }
  }
  binding.injectedPollResults ??= [];
  meetCopies(binding);
  return binding;
}

/** What dlopen(3) and Node say of a shortage, which may be over at the next try. */
const SHORTAGE = /too many open files|cannot allocate memory/i;

/** Loads the addon at the first call. Throws each time with the first failure's reason, unless that was a shortage. */
export function binding(): Binding {
  if (loaded) return loaded;
  if (failure) throw failure;
  try {
    loaded = load();
    return loaded;
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    if (!SHORTAGE.test(reason.message)) failure = reason;
    throw reason;
  }
}
