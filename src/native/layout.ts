/**
 * Numbers shared with native code and with the kernel. Imports nothing.
 *
 * The first part mirrors `cpp/layout.h` name for name and is compared with it when the addon is loaded;
 * the second is the kernel's, but for submission entries, which sqe.ts has.
 */

// Words of a ring's control block.
export const CONTROL_SUBMISSION_TAIL = 0;
export const CONTROL_SUBMISSION_HEAD = 1;
export const CONTROL_REFS = 2;
export const CONTROL_IS_LOOP_REF = 3;
export const CONTROL_COMPLETIONS = 4;
export const CONTROL_FAILURE = 5;
export const CONTROL_RECEIVED = 6;
export const CONTROL_WORDS = 8;

export const SLOT_UNTRACKED = 0xffffffff;
export const GENERATION_YIELDS_FD = 0x80000000;
export const GENERATION_ENTRY_SHIFT = 23;
export const GENERATION_MASK = 2 ** GENERATION_ENTRY_SHIFT - 1;
/** Entries that one operation may have: which it is takes the bits between. */
export const OPERATION_ENTRIES_MAX = 256;
export const COMPLETION_UNSEEKABLE = 0x80000000;
/** Of the head word, ours and not the kernel's: the entry is not left to a kernel thread, however slow files are. */
export const SQE_NO_THREAD = (1 << 7) << 8;

// Order of the native counters.
export const STAT_SUBMITTED = 0;
export const STAT_COMPLETED = 1;
export const STAT_ENTERS = 2;
export const STAT_BATCHES = 3;
export const STAT_WAKEUPS = 4;
export const STAT_OVERFLOWS = 5;
const STAT_IN_KERNEL = 6;
export const STAT_TURNS = 7;
export const STAT_BUDGET_STOPS = 8;
export const STAT_SQ_WAKEUPS = 9;
export const STAT_RESIZES = 10;
export const STAT_GATHERS = 11;
export const STAT_WORDS = 12;

/** What an SQ thread takes of one ring in a pass while it serves several. */
export const SHARED_SQ_THREAD_PASS = 8;

export const SHARED_LAYOUT: Readonly<Record<string, number>> = {
  CONTROL_SUBMISSION_TAIL,
  CONTROL_SUBMISSION_HEAD,
  CONTROL_REFS,
  CONTROL_IS_LOOP_REF,
  CONTROL_COMPLETIONS,
  CONTROL_FAILURE,
  CONTROL_RECEIVED,
  CONTROL_WORDS,
  SLOT_UNTRACKED,
  GENERATION_YIELDS_FD,
  GENERATION_ENTRY_SHIFT,
  COMPLETION_UNSEEKABLE,
  SQE_NO_THREAD,
  STAT_SUBMITTED,
  STAT_COMPLETED,
  STAT_ENTERS,
  STAT_BATCHES,
  STAT_WAKEUPS,
  STAT_OVERFLOWS,
  STAT_IN_KERNEL,
  STAT_TURNS,
  STAT_BUDGET_STOPS,
  STAT_SQ_WAKEUPS,
  STAT_RESIZES,
  STAT_GATHERS,
  STAT_WORDS,
  SHARED_SQ_THREAD_PASS,
};

export const CQE_BYTES = 16;
export const CQE_WORDS_SHIFT = 2;

export const CQE_MORE = 1 << 1;
/** The kernel no longer reads what a zero-copy send points at. */
export const CQE_NOTIFICATION = 1 << 3;
/** Of an incremental buffer: the kernel goes on filling it. */
export const CQE_BUFFER_MORE = 1 << 4;
export const CQE_BUFFER = 1 << 0;
export const CQE_BUFFER_SHIFT = 16;

export const POLLIN = 0x1;
export const POLLOUT = 0x4;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;
export const O_CLOEXEC = 0o2000000;
export const STATX_BASIC_STATS_AND_BTIME = 0xfff;
export const SOCK_CLOEXEC = 0o2000000;
export const MSG_TRUNC = 0x20;
/** Of a send or receive on a ring: goes on until all is through (io_uring_prep_send(3)). */
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const MSG_CTRUNC = 0x8;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

export const WORD = 2 ** 32;
