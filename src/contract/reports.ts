/** What a ring says of itself: its profile, and its counters. Types only. */

/** What carries the operations of a ring: io_uring, a ring in user space on epoll, or Node's own modules. */
export type BackendName = 'io_uring' | 'epoll' | 'node';

/** Why a ring is not quite what was asked for. */
export interface Degradation {
  /** The flag, option or size that was given up. */
  what: string;
  /** The kernel's answer and what it means. */
  reason: string;
}

/** How a ring really runs, as opposed to how it was asked to. */
export interface RingProfile {
  /** 'loop': the event loop submits; 'sqPoll': a kernel thread does; 'node': there is no ring. */
  kind: 'loop' | 'sqPoll' | 'node';
  /** The IORING_SETUP_* flags in force, without their prefix. */
  flags: readonly string[];
  /** Entries of the submission queue, as the kernel made it; 0 on the node backend. */
  submissionEntries: number;
  /** Entries of the completion queue, as the kernel made it; 0 on the node backend. */
  completionEntries: number;
  /** How many operations may be in flight at a time; more wait in the ring. */
  inFlightMax: number;
  /** Slots of the registered-file table; 0 without one. */
  registeredFds: number;
  /** The SQ thread that serves the ring; there only where `kind` is 'sqPoll'. */
  sqPoll?: SqPollProfile;
  /** What the ring was asked for and has not; empty where it has everything. */
  degraded: readonly Degradation[];
}

/** The kernel thread that submits for an SQ-poll ring. */
export interface SqPollProfile {
  /** The group's name, or null for a thread of the ring's own. */
  group: string | null;
  /** Which of the group's threads serves this ring, from 0. */
  threadIndex: number;
  /** The kernel thread's id; 0 until it has run for the first time. */
  threadId: number;
  /** The CPU it was pinned to when it was made, or null. `Ring.groups()` tells where it may run now. */
  cpu: number | null;
  /** Milliseconds without work after which it sleeps. */
  idleMs: number;
}

/** The registered-file table; all 0 without one. */
export interface FdTableStats {
  /** Its slots. */
  slots: number;
  /** Those that stand for a descriptor now. */
  used: number;
  /** Those that are free. */
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
  /** Times the pool was enlarged under load. */
  growths: number;
  /** Times it was reduced again afterwards. */
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
  /** Reads of the page cache made inline, without the ring (`inlineReads`); no part of `submitted`. */
  inlineReads: number;
  /** Calls of `stat`, `lstat` and `readFile` on paths that were made inline; see `RingOptions.inlineReads`. */
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
  /** Operations in the kernel now. */
  inFlight: number;
  /** Operations that wait for a place now. */
  waiting: number;
  /** The most that were ever in flight at a time. */
  inFlightPeak: number;
  /** Places that are free for more: together with `inFlight` they make `profile.inFlightMax`. */
  freeSlots: number;
  /**
   * Operations in the kernel beside those: what waits for as long as it takes, such as the receives of sockets,
   * accepts, polls and watches, and the timers' one. The node backend leaves such things to Node, and says 0.
   */
  armed: number;
  /** The registered-file table. */
  fdTable: FdTableStats;
  /**
   * Datagrams that the node backend has dropped because too many waited for a reader. The ring leaves
   * them to the kernel, which counts what it drops in /proc/net/udp.
   */
  datagramsDropped: number;
  /** Sends that asked the kernel not to copy. */
  zeroCopySends: number;
  /** Of these, the sends that the kernel copied all the same. */
  zeroCopyCopies: number;
  /** One element for each size that a socket has used, and another for those with room for ancillary data. */
  receiveBuffers: readonly ReceiveBufferStats[];
}
