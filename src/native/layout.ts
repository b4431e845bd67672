/**
 * Numbers shared with native code and with the kernel. Imports nothing.
 *
 * The first part mirrors `cpp/layout.h` name for name and is compared with it when the addon is loaded;
 * the second is the kernel's ABI (io_uring_enter(2)), as far as TypeScript fills submission entries.
 */

// Words of a ring's control block.
export const CONTROL_SUBMISSION_TAIL = 0;
export const CONTROL_SUBMISSION_HEAD = 1;
export const CONTROL_HOLDERS = 2;
export const CONTROL_IS_HELD = 3;
export const CONTROL_COMPLETIONS = 4;
export const CONTROL_FAILURE = 5;
export const CONTROL_RECEIVED = 6;
export const CONTROL_WORDS = 8;

export const SLOT_UNTRACKED = 0xffffffff;
export const GENERATION_YIELDS_FD = 0x80000000;
export const GENERATION_FOLLOWED = 0x40000000;
export const GENERATION_MASK = 0x3fffffff;
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
  CONTROL_HOLDERS,
  CONTROL_IS_HELD,
  CONTROL_COMPLETIONS,
  CONTROL_FAILURE,
  CONTROL_RECEIVED,
  CONTROL_WORDS,
  SLOT_UNTRACKED,
  GENERATION_YIELDS_FD,
  GENERATION_FOLLOWED,
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

// A submission entry in 32-bit words.
export const SQE_BYTES = 64;
export const SQE_WORDS_SHIFT = 4;
/** opcode, flags << 8, ioprio << 16. */
export const SQE_HEAD = 0;
export const SQE_FD = 1;
export const SQE_OFFSET_LOW = 2;
export const SQE_OFFSET_HIGH = 3;
export const SQE_ADDRESS_LOW = 4;
export const SQE_ADDRESS_HIGH = 5;
export const SQE_LENGTH = 6;
export const SQE_OP_FLAGS = 7;
export const SQE_SLOT = 8;
export const SQE_GENERATION = 9;
/** buf_index or buf_group, personality << 16. */
export const SQE_BUFFER = 10;
export const SQE_FILE_INDEX = 11;
/** addr3: two words. */
export const SQE_ADDRESS3 = 12;
/** optlen: the same word as the file index, for other operations. */
export const SQE_OPTION_LENGTH = 11;

export const CQE_BYTES = 16;
export const CQE_WORDS_SHIFT = 2;

// Flags of an entry, placed in the head word.
export const SQE_FIXED_FILE = (1 << 0) << 8;
/** The next entry waits until this one has ended well, and is cancelled when it does not. */
export const SQE_IO_LINK = (1 << 2) << 8;
/** The same, but the next entry starts however this one has ended. */
export const SQE_IO_HARDLINK = (1 << 3) << 8;
/** Straight to a kernel thread, where the operation may block. */
export const SQE_ASYNC = (1 << 4) << 8;
export const SQE_BUFFER_SELECT = (1 << 5) << 8;
export const SQE_CQE_SKIP_SUCCESS = (1 << 6) << 8;
/** ioprio of a receive: stay armed. */
export const SQE_RECEIVE_MULTISHOT = (1 << 1) << 16;
export const SQE_RECEIVE_BUNDLE = (1 << 4) << 16;

/** ioprio of a zero-copy send: have the notification say whether it was copied after all. */
export const SQE_REPORT_USAGE = (1 << 3) << 16;
/** ioprio of an accept: stay armed. */
export const SQE_ACCEPT_MULTISHOT = (1 << 0) << 16;

export const CQE_MORE = 1 << 1;
/** The kernel no longer reads what a zero-copy send points at. */
export const CQE_NOTIFICATION = 1 << 3;
/** Of an incremental buffer: the kernel goes on filling it. */
export const CQE_BUFFER_MORE = 1 << 4;
export const CQE_BUFFER = 1 << 0;
export const CQE_BUFFER_SHIFT = 16;

export const OP_NOP = 0;
export const OP_READV = 1;
export const OP_WRITEV = 2;
export const OP_FSYNC = 3;
export const OP_READ_FIXED = 4;
export const OP_WRITE_FIXED = 5;
export const OP_POLL_ADD = 6;
export const OP_SYNC_FILE_RANGE = 8;
export const OP_SENDMSG = 9;
export const OP_RECVMSG = 10;
export const OP_TIMEOUT = 11;
export const OP_TIMEOUT_REMOVE = 12;
export const OP_ACCEPT = 13;
export const OP_ASYNC_CANCEL = 14;
export const OP_CONNECT = 16;
export const OP_FALLOCATE = 17;
export const OP_OPENAT = 18;
export const OP_CLOSE = 19;
export const OP_STATX = 21;
export const OP_READ = 22;
export const OP_WRITE = 23;
export const OP_SEND = 26;
export const OP_RECV = 27;
export const OP_FADVISE = 24;
export const OP_OPENAT2 = 28;
export const OP_SHUTDOWN = 34;
export const OP_RENAMEAT = 35;
export const OP_UNLINKAT = 36;
export const OP_MKDIRAT = 37;
export const OP_SYMLINKAT = 38;
export const OP_LINKAT = 39;
/** Linux 5.19, as the three after it. */
export const OP_FSETXATTR = 41;
export const OP_SETXATTR = 42;
export const OP_FGETXATTR = 43;
export const OP_GETXATTR = 44;
export const OP_URING_CMD = 46;
/** Linux 6.0, as is multishot receive, for which the kernel's probe has no answer of its own. */
export const OP_SEND_ZC = 47;
/** Linux 6.1. */
export const OP_SENDMSG_ZC = 48;
/** Linux 6.8. */
export const OP_FIXED_FD_INSTALL = 54;
/** Linux 6.9. */
export const OP_FTRUNCATE = 55;

export const CANCEL_ALL = 1 << 0;
export const CANCEL_FD = 1 << 1;
export const CANCEL_FD_FIXED = 1 << 3;

/** In the length of a POLL_ADD: stay armed. */
export const POLL_ADD_MULTISHOT = 1 << 0;
/** Has a NOP complete with its length as the result. */
export const NOP_INJECT_RESULT = 1 << 0;

/** In the offset of a URING_CMD on a socket: setsockopt(2), Linux 6.7. */
export const SOCKET_CMD_SETSOCKOPT = 3;

export const TIMEOUT_ABSOLUTE = 1 << 0;
export const TIMEOUT_UPDATE = 1 << 1;

export const POLLIN = 0x1;
export const POLLOUT = 0x4;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;
export const O_CLOEXEC = 0o2000000;
export const FSYNC_DATASYNC = 1;
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
