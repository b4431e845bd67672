/**
 * What a backend must do, as types only.
 *
 * The public classes validate every argument and then speak to one of these interfaces;
 * `backend/uring` and `backend/node` implement them and never import each other.
 * Every rejection already has the shape of `errors.ts`.
 */
import type { BigIntStats, Stats } from 'node:fs';
import type { BatchQueue } from '../batch-queue.js';
import type { DatagramMessage } from '../net/datagrams/datagram-message.js';
import type { SocketAddress } from '../net/address.js';
import type { AncillaryField } from '../net/datagrams/ancillary.js';
import type { TimerQueue } from '../timer-queue.js';
import type { PoolBackend } from './buffer-pools.js';
import type { ChainBackend } from './chain-steps.js';
import type { Observation } from './observation.js';
import type { Hold, PollBackend } from './polls.js';
import type { StreamBackend } from './streams.js';

/** Reads and writes at the file's own cursor, which the transfer then moves. */
export const CURRENT_POSITION = -1;

/** A path as the caller gave it, already checked to be free of NUL. */
export type Path = string | Buffer;

/** Where in a file a transfer starts: bytes from the start, or `CURRENT_POSITION`. */
export type Position = number | bigint;

export interface ReadResult<Data extends NodeJS.ArrayBufferView> {
  /** Bytes now in `buffer`; 0 means the end of the file. May be fewer than asked for. */
  bytesRead: number;
  buffer: Data;
}

export interface WriteResult<Data> {
  /** Bytes the kernel took; may be fewer than given. */
  bytesWritten: number;
  buffer: Data;
}

export interface ReadVectorResult<Data extends readonly NodeJS.ArrayBufferView[]> {
  bytesRead: number;
  buffers: Data;
}

export interface WriteVectorResult<Data extends readonly NodeJS.ArrayBufferView[]> {
  bytesWritten: number;
  buffers: Data;
}

/** How a call of node:fs ends. */
export type PoolCallback<Result> = (error: NodeJS.ErrnoException | null, result?: Result) => void;

/**
 * An open descriptor. Every method counts as pending until its promise settles;
 * `close` refuses new work at once, waits for what is pending, and only then gives the number back.
 */
export interface BackendFile {
  readonly fd: number;
  /** Whether a read may wait for somebody else: for a FIFO's writer, or a server. */
  readonly mayWait: boolean;
  read<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<Data>>;
  write<Data extends NodeJS.ArrayBufferView>(
    buffer: Data,
    offset: number,
    length: number,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<Data>>;
  readv<Data extends readonly NodeJS.ArrayBufferView[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<ReadVectorResult<Data>>;
  writev<Data extends readonly NodeJS.ArrayBufferView[]>(
    buffers: Data,
    position: Position,
    signal: AbortSignal | undefined,
  ): Promise<WriteVectorResult<Data>>;
  stat(bigint: false, signal: AbortSignal | undefined): Promise<Stats>;
  stat(bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats>;
  sync(signal: AbortSignal | undefined): Promise<void>;
  datasync(signal: AbortSignal | undefined): Promise<void>;
  truncate(bytes: number, signal: AbortSignal | undefined): Promise<void>;
  /** @param mode fallocate(2)'s FALLOC_FL_* bits. */
  allocate(mode: number, offset: number, bytes: number, signal: AbortSignal | undefined): Promise<void>;
  /** @param advice POSIX_FADV_*. `bytes` 0 means to the end. */
  advise(offset: number, bytes: number, advice: number, signal: AbortSignal | undefined): Promise<void>;
  /** @param flags SYNC_FILE_RANGE_* bits. `bytes` 0 means to the end. */
  syncRange(offset: number, bytes: number, flags: number, signal: AbortSignal | undefined): Promise<void>;
  getAttribute(name: string, signal: AbortSignal | undefined): Promise<Buffer>;
  /** @param flags XATTR_CREATE and XATTR_REPLACE of setxattr(2). */
  setAttribute(name: string, value: Buffer, flags: number, signal: AbortSignal | undefined): Promise<void>;
  /**
   * Has Node's thread pool do a call on the descriptor, which stays open until it ends. An abort rejects at
   * once. What `call` throws is a mistake in its arguments.
   */
  inPool<Result>(
    syscall: string,
    call: (fd: number, callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result>;
  /** Memory that is going to be read into for the first time, all of it; a backend may prepare it for that. */
  expectFilling?(memory: Buffer): void;
  /** Asks everything pending on the descriptor to end; returns how many operations that was. */
  cancel(): number;
  /** Resolves when nothing is pending. For who sees to it that nothing begins any more. */
  whenIdle(): Promise<void>;
  /** Safe to call again: later calls share the first one's promise. */
  close(): Promise<void>;
}

/** Where an open begins, and how its path may be resolved (openat2(2)). */
export interface OpenRules {
  /** What a relative path is relative to, instead of the working directory. */
  directory: BackendFile | undefined;
  /** RESOLVE_* bits. */
  resolve: number;
}

/**
 * A file on its way into memory as a whole.
 *
 * A backend that reads small files in a way of its own fills the slab, which is nobody else's until `toContent`
 * and `release`, or `readOn`.
 */
export interface WholeRead<Content> {
  readonly slab: Buffer;
  /** How much of the slab the first read may fill; what is left serves to find the end. */
  readonly firstBytes: number;
  /** The file is over, and its `byteCount` bytes begin the slab. */
  toContent(byteCount: number): Content;
  /** So many bytes begin the slab, and more may come. `open` is called once at most; who calls it closes the file. */
  readOn(byteCount: number, open: () => Promise<BackendFile>): Promise<Content>;
  /** Nobody writes into the slab any more. */
  release(): void;
}

/** Bytes on their way into a file that is opened for them. */
export interface WholeWrite {
  readonly view: NodeJS.ArrayBufferView;
  readonly flags: number;
  readonly mode: number;
  /** The file has taken no more than the first `bytesWritten` so far. `open` is called once at most. */
  writeOn(bytesWritten: number, open: () => Promise<BackendFile>): Promise<void>;
}

/** What a symbolic link is made for; Windows alone wants to know. */
export type SymlinkType = 'dir' | 'file' | 'junction';

export interface FileBackend {
  /** `flags` as open(2)'s numbers; close-on-exec is always added. */
  open(
    path: Path,
    flags: number,
    mode: number,
    signal: AbortSignal | undefined,
    rules?: OpenRules,
  ): Promise<BackendFile>;
  stat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats>;
  /**
   * Reads a file whole, opened read-only; undefined when there is no quicker way now than open, read, close.
   * Then `read` is untouched.
   */
  readWhole?<Content>(
    path: Path,
    read: WholeRead<Content>,
    signal: AbortSignal | undefined,
  ): Promise<Content> | undefined;
  /** Writes bytes to a file and closes it; undefined when there is no quicker way now than open, write, close. */
  writeWhole?(path: Path, write: WholeWrite, signal: AbortSignal | undefined): Promise<void> | undefined;
  /** `stat` of a symbolic link itself. */
  lstat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats>;
  rename(from: Path, to: Path, signal: AbortSignal | undefined): Promise<void>;
  link(existing: Path, added: Path, signal: AbortSignal | undefined): Promise<void>;
  symlink(
    target: Path,
    path: Path,
    type: SymlinkType | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void>;
  unlink(path: Path, signal: AbortSignal | undefined): Promise<void>;
  mkdir(path: Path, mode: number, signal: AbortSignal | undefined): Promise<void>;
  rmdir(path: Path, signal: AbortSignal | undefined): Promise<void>;
  /** Extended attributes. `isOfLink`: a symbolic link's own, instead of those of what it leads to. */
  getAttribute(path: Path, name: string, isOfLink: boolean, signal: AbortSignal | undefined): Promise<Buffer>;
  /** @param flags XATTR_CREATE and XATTR_REPLACE of setxattr(2). */
  setAttribute(
    path: Path,
    name: string,
    value: Buffer,
    flags: number,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void>;
  /** The names, each with a NUL behind it. */
  listAttributes(path: Path, isOfLink: boolean, signal: AbortSignal | undefined): Promise<Buffer>;
  removeAttribute(
    path: Path,
    name: string,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void>;
}

/** What `DatagramSocket.bind` hands down: validated, defaults filled in. */
export interface DatagramBinding {
  family: 'IPv4' | 'IPv6' | 'Unix';
  /** A literal address of `family`; empty for Unix. */
  address: string;
  /** For Unix alone: a path, an abstract name, or '' for an abstract name of the kernel's choice. */
  path: string | undefined;
  /** 0 asks the kernel for a free port. */
  port: number;
  reuseAddress: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
  broadcast: boolean;
  /** The longest message to be received whole, in bytes; 0 for what the ring's first buffers hold. */
  messageBytes: number;
  /** SO_RCVBUF and SO_SNDBUF in bytes; 0 leaves the system's default. */
  receiveBufferBytes: number;
  sendBufferBytes: number;
  /** What each message is to tell beside bytes and sender. */
  ancillary: readonly AncillaryField[];
  /** Whether the kernel may hand over several datagrams of one sender at once. */
  receiveOffload: boolean;
  /** The name of the only interface to receive from and send by; '' for any. */
  device: string;
  /** Whether the address need not be the machine's, or not yet. */
  nonLocal: boolean;
  /** IP_MTU_DISCOVER's number; -1 leaves the system's default. */
  pathMtuDiscovery: number;
}

/** Numbers that can be changed while a socket is open. */
export type DatagramSetting =
  | 'ttl'
  | 'broadcast'
  | 'multicastTTL'
  | 'multicastLoopback'
  | 'recvBufferSize'
  | 'sendBufferSize'
  | 'pathMtuDiscovery';

/** Numbers that can be asked for. */
export type DatagramReading = 'recvBufferSize' | 'sendBufferSize' | 'pathMtu';

export interface Membership {
  isJoining: boolean;
  group: string;
  /** A literal address, as Node wants it; undefined leaves the choice to the kernel. */
  interfaceAddress: string | undefined;
  /** The only sender to be heard. */
  source: string | undefined;
}

/** The bytes of one datagram, in one piece or several. */
export type Payload = NodeJS.ArrayBufferView | readonly NodeJS.ArrayBufferView[];

/** What is asked of a datagram beside its way; checked, and never empty. */
export interface SendExtras {
  /** Cuts it into datagrams of this size. */
  segmentBytes?: number;
  ecn?: number;
  /** A literal address. */
  localAddress?: string;
  interfaceIndex?: number;
}

/** A rejection of `sendMany`: how many datagrams had left before. */
export interface PartlySent {
  sentCount: number;
}

export interface BackendDatagramSocket {
  readonly local: SocketAddress;
  /** The peer of a connected socket. */
  readonly remote: SocketAddress | undefined;
  /**
   * Messages that have arrived and nobody has taken. Ends when the socket is closed,
   * fails when receiving fails; the backend stops receiving while it is full.
   */
  readonly incoming: BatchQueue<DatagramMessage>;
  /** Starts receiving if it has stopped. `isLeasing` asks for views instead of copies. */
  receive(isLeasing: boolean): void;
  /** Stops receiving. What has been taken from the socket stays in `incoming`. */
  pause(): void;
  /** Stops receiving for now: a receive may stay in the kernel, but keeps nothing alive. */
  rest(): void;
  connect(remote: SocketAddress): Promise<void>;
  /** Throws when it fails. */
  disconnect(): void;
  /** Resolves to the bytes sent: all of them, or the call rejects. `remote` is left out when connected. */
  send(
    payload: Payload,
    remote: SocketAddress | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  /**
   * Sends in order, and resolves to how many that were: all. Rejects with the first error, which says how
   * many had left (`PartlySent`); `remotes` is left out when connected, and otherwise as long as `payloads`.
   */
  sendMany(
    payloads: readonly Payload[],
    remotes: readonly SocketAddress[] | undefined,
    extras: SendExtras | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  /** These four throw when they fail, with `syscall`, the name of the method that the user called. */
  set(setting: DatagramSetting, value: number, syscall: string): void;
  get(setting: DatagramReading, syscall: string): number;
  setMulticastInterface(address: string, syscall: string): void;
  changeMembership(membership: Membership, syscall: string): void;
  /** Cancels what is pending, ends `incoming` after what it still holds, closes the descriptor. */
  /** Nobody has it any more: closes it once sends that somebody may await are over. */
  abandon(): Promise<void>;
  readonly isClosing: boolean;
  close(): Promise<void>;
  /** Whether a pending receive keeps the process alive. */
  ref(): void;
  unref(): void;
}

export interface DatagramBackend {
  /** The longest message that any of the receive buffers holds, in bytes. */
  readonly messageBytesMax: number;
  bind(binding: DatagramBinding): Promise<BackendDatagramSocket>;
}

/** A backend in use by one `Ring`. */
export interface Backend {
  readonly name: 'io_uring' | 'node';
  readonly files: FileBackend;
  readonly datagrams: DatagramBackend;
  readonly streams: StreamBackend;
  readonly chains: ChainBackend;
  readonly pools: PoolBackend;
  readonly timers: TimerQueue;
  readonly polls: PollBackend;
  /** For what waits without an operation. */
  readonly hold: Hold;
  readonly profile: RingProfile;
  /** Names of the kernel's features (IORING_FEAT_*, without the prefix); none without a ring. */
  readonly features: readonly string[];
  readonly observation: Observation;
  /** Operations that have not settled yet, waiting or in the kernel. */
  readonly pendingCount: number;
  stats(): RingStats;
  /** Asks every pending call to end; returns how many there were. What serves several calls goes on. */
  cancelAll(): number;
  ref(): void;
  unref(): void;
  /** Refuses new work, cancels what is pending, and resolves when nothing is left. */
  close(): Promise<void>;
}

/** Why a ring is not quite what was asked for. */
export interface Degradation {
  /** The flag, option or size that was given up. */
  what: string;
  /** The kernel's answer and what it means. */
  reason: string;
}

/** How a ring really runs, as opposed to how it was asked to. */
export interface RingProfile {
  kind: 'loop' | 'sqPoll' | 'node';
  /** The IORING_SETUP_* flags in force, without their prefix. */
  flags: readonly string[];
  submissionEntries: number;
  completionEntries: number;
  inFlightMax: number;
  /** Slots of the registered-file table; 0 without one. */
  registeredFds: number;
  sqPoll?: SqPollProfile;
  degraded: readonly Degradation[];
}

export interface SqPollProfile {
  /** The group's name, or null for a thread of the ring's own. */
  group: string | null;
  /** Which of the group's threads serves this ring, from 0. */
  threadIndex: number;
  /** The kernel thread's id; 0 until it has run for the first time. */
  threadId: number;
  /** The CPU it is pinned to, or null. */
  cpu: number | null;
  idleMs: number;
}

/** The registered-file table; all 0 without one. */
export interface FdTableStats {
  /** Its slots, and how many of them stand for a descriptor now. */
  slots: number;
  used: number;
  free: number;
  /** Descriptors that found it full, and were used as they are. */
  exhaustions: number;
  /** Descriptors that the kernel would not register, and were used as they are. */
  refusals: number;
}

/** Receive buffers of one size. */
export interface ReceiveBufferStats {
  /** How many there are now. */
  count: number;
  /** The longest message that one holds, in bytes. */
  bytes: number;
  /** Whether they are streams' own, and filled in parts; otherwise a buffer holds one message or piece. */
  isIncremental: boolean;
  /** Those that the kernel may fill; the others are held by leased messages, or await their batch's end. */
  available: number;
  /** Times a receive found none of them free. */
  exhaustions: number;
  /** Times the pool was enlarged under load, and reduced again after it. */
  growths: number;
  shrinks: number;
}

/** Counters since the ring was made, and gauges of now. The node backend counts only operations. */
export interface RingStats {
  /** Operations handed to the kernel, cancel requests left out. */
  submitted: number;
  /** Completions received; a multishot operation makes many. */
  completed: number;
  /** io_uring_enter calls made by this process for this ring. */
  enters: number;
  /** Reads of the page cache made on the spot, without the ring (`inlineReads`); no part of `submitted`. */
  inlineReads: number;
  /** Calls of `stat`, `lstat` and `readFile` on paths that were made on the spot; see `RingOptions.inlineReads`. */
  inlinePaths: number;
  /** Calls into JavaScript, each settling one batch of completions. */
  batches: number;
  /** Times the event loop woke up for this ring. */
  wakeups: number;
  /** Goes at the ring in which there was something to do; each submits, drains and settles. */
  turns: number;
  /** Turns that gave way to timers and other handles although more was there to do. */
  budgetStops: number;
  /** Of `enters`, those that woke a sleeping SQ-poll thread; 0 without one. */
  sqThreadWakeups: number;
  /** Completions that found the queue full and waited in the kernel's backlog. */
  overflows: number;
  /** Times the completion queue was made larger because of that (Linux 6.13). */
  resizes: number;
  /** Waits in the kernel for more completions (`coalesce`). */
  gathers: number;
  /** Times a multishot receive was armed again. */
  rearms: number;
  /** Times a receive found no free buffer. */
  bufferExhaustions: number;
  /** Requests to cancel an operation, or all of a descriptor, that were handed to the kernel. */
  cancels: number;
  /** Requests that the ring's timers made: one each time that their earliest deadline came forward or passed. */
  timerRequests: number;
  /** Polls and watches that went to epoll: the ring refused the descriptor, or they are for 'priority'. */
  epollFallbacks: number;
  /** Completions for operations already gone; anything but 0 is a bug. */
  staleCompletions: number;
  /** Operations in the kernel now, waiting for a place now, and the most there ever were. */
  inFlight: number;
  waiting: number;
  inFlightPeak: number;
  /** Places that are free for more: together with `inFlight` they make `profile.inFlightMax`. */
  freeSlots: number;
  fdTable: FdTableStats;
  /**
   * Datagrams that the node backend has dropped because too many waited for a reader. The ring leaves
   * them to the kernel, which counts what it drops in /proc/net/udp.
   */
  datagramsDropped: number;
  /** Sends that asked the kernel not to copy, and those of them that it copied all the same. */
  zeroCopySends: number;
  zeroCopyCopies: number;
  /** One element for each size that a socket has used, and another for those with room for ancillary data. */
  receiveBuffers: readonly ReceiveBufferStats[];
}
