/** What a ring can be asked for: each option with its unit, range and default. Types only. */

/** How the kernel thread is to be; see `RingOptions.sqPoll`. */
export interface SqPollOptions {
  /**
   * Rings that name the same group, in any thread of the process, share its kernel threads.
   * 1 to 64 characters. Without a name the ring gets a thread of its own.
   */
  group?: string;
  /** Threads of the group, 1 to 64. Default 1. Only with `group`. */
  threads?: number;
  /** CPUs to pin the threads to, one each as long as there are enough. Default: not pinned. */
  cpus?: readonly number[];
  /** Milliseconds without work after which a thread sleeps, 1 to 60,000. Default 10. */
  idleMs?: number;
}

/** The buffers that a ring's sockets receive into. */
export interface ReceiveBufferOptions {
  /** Buffers that the ring's sockets share to begin with, 1 to 32,768. Default 256. */
  count?: number;
  /**
   * How many there may be under load, `count` to 32,768, in steps of `count`; they go again when they
   * have long been too many. Default: 1024, or `count` when that was given.
   */
  countMax?: number;
  /** The longest message received whole, in bytes, 1 to 65,536. Default 4096. */
  bytes?: number;
  /** Lays the buffers out on huge pages (MADV_HUGEPAGE, madvise(2)). Default false. */
  hugePages?: boolean;
  /**
   * Whether several pieces of what streams receive may share a buffer, one behind the other (Linux 6.12),
   * so that a short one takes no more than its length. A leased piece then holds the whole buffer: for many
   * short chunks that are held for long choose false, which gives each piece buffers of its own. Has no
   * effect on datagrams. Default true.
   */
  incremental?: boolean;
}

/** A wait for more completions; see `RingOptions.coalesce`. */
export interface CoalesceOptions {
  /** Completions worth waiting for, 1 to 4096; never more than can come. */
  minCompletions: number;
  /** The longest wait for them in microseconds, 1 to 100,000: by so much other handles may be delayed. */
  timeoutUs: number;
}

/** Limits of io-wq, the kernel's threads. */
export interface IoWorkerOptions {
  /** Kernel threads for files, 1 to 65,535. Default: the kernel's own limit. */
  bounded?: number;
  /** Kernel threads for sockets and the like, 1 to 65,535. Default: the kernel's own limit. */
  unbounded?: number;
}

/** What a ring can be asked for. Each has a default, and what the kernel has not is in `profile.degraded`. */
export interface RingOptions {
  /** What it is called where rings are listed: by `ringlet top`, metrics, NODE_DEBUG. 1 to 64 characters. Default: 'ring' and its number. */
  name?: string;
  /** Entries of the submission queue, 1 to 32,768; the kernel rounds up to a power of two. Default 256. */
  submissionEntries?: number;
  /** Entries of the completion queue, 1 to 65,536, at least `submissionEntries`. Default 4096. */
  completionEntries?: number;
  /** Where halving stops when the system refuses memory for `completionEntries`. Default 256. */
  completionEntriesMin?: number;
  /**
   * How far the completion queue may grow when it overflows, where the kernel can (Linux 6.13, not with
   * `sqPoll`), 1 to 65,536. Default: 16,384, or `completionEntries` when that was given.
   */
  completionEntriesMax?: number;
  /**
   * Operations in the kernel at once, 1 to 65,536; more wait their turn. Default 4096. What waits for as long as
   * it takes has places of its own beyond that: receives of sockets, accepts, `poll`, `watch`, timers.
   */
  inFlightMax?: number;
  /**
   * Operations staged before they are submitted without waiting for the turn's end, 1 to 32,768. Default 128.
   * With `sqPoll` a quarter of what is in flight is enough: the thread works on it while the program goes on.
   */
  submitBatchMax?: number;
  /** Completions settled in one go, 1 to 65,536. Default 256. */
  drainBatchMax?: number;
  /** Submission by a kernel thread instead of system calls. `true` is `{}`. Default: off. */
  sqPoll?: boolean | SqPollOptions;
  /**
   * Slots of the registered-file table, 0 to 32,768 and not above the limit of open files; 0 for none. Files and
   * sockets have one while it is open and one is free; connections that a listener accepts live in them without
   * a descriptor (`directDescriptors`). None before Linux 6.13, where what is closed there stays open while other
   * requests of the ring go on; `profile.degraded` says so. Default 0.
   */
  registeredFds?: number;
  /**
   * Made when the first socket that uses them receives. Several, of different `bytes`, serve sockets with
   * different messages: `DatagramSocket.bind({ messageBytes })` and a stream's `chunkBytes` choose. At most
   * 16. Streams have some of their own, as many and as large, where the kernel can fill buffers in parts
   * (`incremental`): unless anything is said here, 8 of 65,536 bytes, and up to 64 under load.
   */
  receiveBuffers?: ReceiveBufferOptions | readonly ReceiveBufferOptions[];
  /** Microseconds to spin for completions before the event loop sleeps, 0 to 10,000. Default 0. */
  busyPollUs?: number;
  /**
   * Waits in the kernel for more completions while the ring is busy, instead of one turn of the event loop for
   * each; never on a ring that has been quiet for 200 µs. What the kernel adds to timers (50 µs by default,
   * PR_SET_TIMERSLACK) comes on top of each wait.
   *
   * - `'adaptive'`: only while datagrams flow in and nothing is sent or otherwise submitted in answer, and only as
   *   long as it brings two or more at a time. For 16 completions or 100 to 250 µs; then, where nothing has come,
   *   for the first one or until the event loop has something else to do, a millisecond at most. So everything else on
   *   the loop may be late by 250 µs while datagrams flow. To `performance.eventLoopUtilization()` a wait is work.
   *   Needs Linux 6.12 and deferred task work, and does nothing without.
   * - numbers: so many completions, for so long, whatever the ring is busy with; once in a turn of the loop, and
   *   everything else on it is late by so much.
   * - `false`: never.
   *
   * Default `'adaptive'`.
   */
  coalesce?: 'adaptive' | false | CoalesceOptions;
  /** Submits each operation as it is made, not at the end of the turn: `submitBatchMax: 1`. Default false. */
  submitImmediately?: boolean;
  /**
   * Makes reads that come alone inline, without the ring, when the page cache has what they want (preadv2(2) with
   * RWF_NOWAIT), at most 16 in a row and 64 KiB each; all others go through the ring. Not with `sqPoll`,
   * not with a `signal`, and not while operations are recorded or traced. `stat`, `lstat` and `readFile` of a
   * path likewise, at most 64 in a row, where the kernel has the whole answer in its caches (openat2(2) with
   * RESOLVE_CACHED, Linux 5.12) and the file system is a local one. Default true.
   */
  inlineReads?: boolean;
  /** Limits of the kernel's threads for what cannot complete at once. */
  ioWorkers?: IoWorkerOptions;
  /** Spares each system call the ring's descriptor look-up where the kernel can (5.18). Default true. */
  registerRingFd?: boolean;
  /** How the kernel runs completion work; not with `sqPoll`. Default: the best the kernel has. */
  taskRun?: 'defer' | 'cooperative' | 'interrupt';
  /**
   * `'io_uring'` is an error where there is none. `'epoll'` is a ring in user space, on system calls that containers
   * allow; it has no SQ thread, no registered files or buffers, and copies what it sends. `'node'` is Node's own
   * modules. `'auto'` tries them in this order, and `ring.backendReason` says why it is not the first. It is open to
   * the operator: the environment variable RINGLET_BACKEND, with the same four words, takes its place, so that
   * `RINGLET_BACKEND=node` makes no ring. Under Node's permission model (`--permission`) it is `'node'`, because a
   * ring does not heed that. Default `'auto'`.
   */
  backend?: 'auto' | 'io_uring' | 'epoll' | 'node';
}
