/**
 * Submission entries: what each opcode shows the kernel. One function an opcode, under liburing's names and with the
 * kernel's for the fields (struct io_uring_sqe, io_uring_enter(2)), in the order in which kernels got them.
 *
 * Each writes a whole entry but for its `user_data`, which says whose it is. `flags` are those of the entry, and what
 * is asked for in its `ioprio`, placed as below. Memory is named by its address.
 */
import { writeWide } from './addresses.js';
import { AT_FDCWD, WORD } from './layout.js';

/** Where an entry lies: its first word of 32 bits is `words[at]`. */
export interface Sqe {
  readonly words: Uint32Array;
  at: number;
}

export const SQE_BYTES = 64;
export const SQE_WORDS_SHIFT = 4;
/** opcode, flags << 8, ioprio << 16. */
const HEAD = 0;
const FD = 1;
const OFF = 2;
const ADDR = 4;
const LEN = 6;
const OP_FLAGS = 7;
/** user_data. */
export const SQE_SLOT = 8;
export const SQE_GENERATION = 9;
/** buf_index or buf_group, personality << 16. */
const BUFFER = 10;
/** In one word: file_index, or optlen. */
const FILE_INDEX = 11;
const OPTLEN = 11;
const SPLICE_FD_IN = 11;
const ADDR3 = 12;

// Flags of an entry, placed in the head word.
export const SQE_FIXED_FILE = (1 << 0) << 8;
/** The next entry waits until this one has ended well, and is cancelled when it does not. */
export const SQE_IO_LINK = (1 << 2) << 8;
/** The same, but the next entry starts however this one has ended. */
export const SQE_IO_HARDLINK = (1 << 3) << 8;
/** Straight to a kernel thread, where the operation may block. */
export const SQE_ASYNC = (1 << 4) << 8;
const SQE_BUFFER_SELECT = (1 << 5) << 8;
export const SQE_CQE_SKIP_SUCCESS = (1 << 6) << 8;
/** ioprio of an accept and of a receive: stay armed. */
const SQE_ACCEPT_MULTISHOT = (1 << 0) << 16;
const SQE_RECEIVE_MULTISHOT = (1 << 1) << 16;
export const SQE_RECEIVE_BUNDLE = (1 << 4) << 16;
/** ioprio of a zero-copy send: have the notification say whether it was copied after all. */
export const SQE_REPORT_USAGE = (1 << 3) << 16;

// What a field can hold.
type U32 = number;
type S32 = number;
type U64 = number;
/** An offset in a file, of up to 64 bits; -1 for the current position (pread2(2)). */
type Offset = number | bigint;

/** What all have. The rest is 0. */
function prep(sqe: Sqe, head: U32, fd: S32, addr: U64, len: U32, opFlags: U32): void {
  const { words, at } = sqe;
  words[at + HEAD] = head;
  words[at + FD] = fd;
  words[at + OFF] = 0;
  words[at + OFF + 1] = 0;
  words[at + ADDR] = addr;
  words[at + ADDR + 1] = addr / WORD;
  words[at + LEN] = len;
  words[at + OP_FLAGS] = opFlags;
  words[at + BUFFER] = 0;
  words[at + FILE_INDEX] = 0;
  words[at + 12] = 0;
  words[at + 13] = 0;
  words[at + 14] = 0;
  words[at + 15] = 0;
}

function setOff({ words, at }: Sqe, off: U64): void {
  writeWide(words, at + OFF, off);
}

/** Says which slot of the file table: 0 would be none. */
function setFileIndex({ words, at }: Sqe, fileIndex: U32): void {
  words[at + FILE_INDEX] = fileIndex + 1;
}

/** Names a request by its `user_data`, where others have an address. */
function setTarget({ words, at }: Sqe, slot: U32, generation: U32): void {
  words[at + ADDR] = slot;
  words[at + ADDR + 1] = generation;
}

/** For an entry that is written already. */
export function addFlags({ words, at }: Sqe, flags: U32): void {
  words[at + HEAD] = (words[at + HEAD] as number) | flags;
}

// Linux 5.1

const OP_NOP = 0;
export const NOP_INJECT_RESULT = 1 << 0;
/** With NOP_INJECT_RESULT it completes with `len` (Linux 6.10). */
export function prepNop(sqe: Sqe, len: U32 = 0, nopFlags: U32 = 0): void {
  prep(sqe, OP_NOP, -1, 0, len, nopFlags);
}

export const OP_READV = 1;
export const OP_WRITEV = 2;
export const OP_READ_FIXED = 4;
export const OP_WRITE_FIXED = 5;
const OPCODE_MASK = 0xff;
/** What reads or writes at an offset: READV and WRITEV, whose `addr` and `len` are of iovecs, READ and WRITE. */
export function prepRw(sqe: Sqe, op: U32, fd: S32, flags: U32, addr: U64, len: U32, off: Offset): void {
  prep(sqe, op | flags, fd, addr, len, 0);
  setPosition(sqe.words, sqe.at + OFF, off);
}

function setPosition(words: Uint32Array, low: number, off: Offset): void {
  if (typeof off === 'number' && off >= 0) {
    words[low] = off;
    words[low + 1] = off / WORD;
  } else if (off === -1) {
    words[low] = 0xffff_ffff;
    words[low + 1] = 0xffff_ffff;
  } else {
    const wide = BigInt.asUintN(64, BigInt(off));
    words[low] = Number(wide & 0xffffffffn);
    words[low + 1] = Number(wide >> 32n);
  }
}

/** Makes one of those a READ_FIXED or WRITE_FIXED, of memory that the kernel knows. */
export function useFixedBuffer({ words, at }: Sqe, op: U32, bufIndex: U32): void {
  words[at + HEAD] = ((words[at + HEAD] as number) & ~OPCODE_MASK) | op;
  words[at + BUFFER] = bufIndex;
}

const OP_FSYNC = 3;
export const FSYNC_DATASYNC = 1;
export function prepFsync(sqe: Sqe, fd: S32, flags: U32, fsyncFlags: U32): void {
  prep(sqe, OP_FSYNC | flags, fd, 0, 0, fsyncFlags);
}

const OP_POLL_ADD = 6;
const POLL_ADD_MULTISHOT = 1 << 0;
export function prepPollAdd(sqe: Sqe, fd: S32, pollEvents: U32): void {
  prep(sqe, OP_POLL_ADD, fd, 0, 0, pollEvents);
}

/** It stays armed (Linux 5.13). */
export function prepPollMultishot(sqe: Sqe, fd: S32, pollEvents: U32): void {
  prep(sqe, OP_POLL_ADD, fd, 0, POLL_ADD_MULTISHOT, pollEvents);
}

// Linux 5.2

const OP_SYNC_FILE_RANGE = 8;
export function prepSyncFileRange(sqe: Sqe, fd: S32, flags: U32, len: U32, off: U64, rangeFlags: U32): void {
  prep(sqe, OP_SYNC_FILE_RANGE | flags, fd, 0, len, rangeFlags);
  setOff(sqe, off);
}

// Linux 5.3

const OP_SENDMSG = 9;
const OP_RECVMSG = 10;
export function prepSendmsg(sqe: Sqe, fd: S32, flags: U32, msg: U64, msgFlags: U32): void {
  prep(sqe, OP_SENDMSG | flags, fd, msg, 1, msgFlags);
}

export function prepRecvmsg(sqe: Sqe, fd: S32, flags: U32, msg: U64, msgFlags: U32): void {
  prep(sqe, OP_RECVMSG | flags, fd, msg, 1, msgFlags);
}

/** It stays armed, and takes provided buffers (Linux 6.0). */
export function prepRecvmsgMultishot(
  sqe: Sqe,
  fd: S32,
  flags: U32,
  msg: U64,
  msgFlags: U32,
  bufGroup: U32,
): void {
  prep(sqe, OP_RECVMSG | SQE_BUFFER_SELECT | SQE_RECEIVE_MULTISHOT | flags, fd, msg, 1, msgFlags);
  sqe.words[sqe.at + BUFFER] = bufGroup;
}

// Linux 5.4

const OP_TIMEOUT = 11;
export const TIMEOUT_ABSOLUTE = 1 << 0;
export function prepTimeout(sqe: Sqe, ts: U64, timeoutFlags: U32): void {
  prep(sqe, OP_TIMEOUT, -1, ts, 1, timeoutFlags);
}

// Linux 5.5

const OP_TIMEOUT_REMOVE = 12;
const TIMEOUT_UPDATE = 1 << 1;
/** Moves the timeout that has this `user_data` (Linux 5.11). */
export function prepTimeoutUpdate(sqe: Sqe, ts: U64, slot: U32, generation: U32, timeoutFlags: U32): void {
  prep(sqe, OP_TIMEOUT_REMOVE, -1, 0, 0, TIMEOUT_UPDATE | timeoutFlags);
  setTarget(sqe, slot, generation);
  setOff(sqe, ts);
}

const OP_ACCEPT = 13;
/** It stays armed (Linux 5.19). */
export function prepMultishotAccept(sqe: Sqe, fd: S32, flags: U32, acceptFlags: U32): void {
  prep(sqe, OP_ACCEPT | SQE_ACCEPT_MULTISHOT | flags, fd, 0, 0, acceptFlags);
}

/** @param addrlen where the length of what `addr` points at stands, and comes back (Linux 5.15). */
export function prepAcceptDirect(
  sqe: Sqe,
  fd: S32,
  flags: U32,
  addr: U64,
  addrlen: U64,
  fileIndex: U32,
): void {
  prep(sqe, OP_ACCEPT | flags, fd, addr, 0, 0);
  setOff(sqe, addrlen);
  setFileIndex(sqe, fileIndex);
}

const OP_ASYNC_CANCEL = 14;
const CANCEL_ALL = 1 << 0;
const CANCEL_FD = 1 << 1;
export const CANCEL_FD_FIXED = 1 << 3;
/** Of the request that has this `user_data`. */
export function prepCancel(sqe: Sqe, flags: U32, slot: U32, generation: U32): void {
  prep(sqe, OP_ASYNC_CANCEL | flags, -1, 0, 0, 0);
  setTarget(sqe, slot, generation);
}

/** Of all requests of a descriptor (Linux 5.19). */
export function prepCancelFd(sqe: Sqe, fd: S32, flags: U32, cancelFlags: U32): void {
  prep(sqe, OP_ASYNC_CANCEL | flags, fd, 0, 0, CANCEL_FD | CANCEL_ALL | cancelFlags);
}

const OP_CONNECT = 16;
export function prepConnect(sqe: Sqe, fd: S32, addr: U64, addrlen: U64): void {
  prep(sqe, OP_CONNECT, fd, addr, 0, 0);
  setOff(sqe, addrlen);
}

// Linux 5.6

const OP_FALLOCATE = 17;
/** Its length comes where others have an address. */
export function prepFallocate(sqe: Sqe, fd: S32, flags: U32, mode: U32, off: U64, len: U64): void {
  prep(sqe, OP_FALLOCATE | flags, fd, len, mode, 0);
  setOff(sqe, off);
}

const OP_OPENAT = 18;
export function prepOpenat(sqe: Sqe, dfd: S32, flags: U32, path: U64, openFlags: U32, mode: U32): void {
  prep(sqe, OP_OPENAT | flags, dfd, path, mode, openFlags);
}

/** Into a slot of the file table (Linux 5.15). */
export function prepOpenatDirect(
  sqe: Sqe,
  flags: U32,
  path: U64,
  openFlags: U32,
  mode: U32,
  fileIndex: U32,
): void {
  prepOpenat(sqe, AT_FDCWD, flags, path, openFlags, mode);
  setFileIndex(sqe, fileIndex);
}

const OP_CLOSE = 19;
export function prepClose(sqe: Sqe, fd: S32, flags: U32): void {
  prep(sqe, OP_CLOSE | flags, fd, 0, 0, 0);
}

/** Of a slot of the file table (Linux 5.15). */
export function prepCloseDirect(sqe: Sqe, fileIndex: U32, flags: U32): void {
  prepClose(sqe, 0, flags);
  setFileIndex(sqe, fileIndex);
}

const OP_STATX = 21;
export function prepStatx(sqe: Sqe, dfd: S32, path: U64, statxFlags: U32, mask: U32, statxbuf: U64): void {
  prep(sqe, OP_STATX, dfd, path, mask, statxFlags);
  setOff(sqe, statxbuf);
}

export const OP_READ = 22;
export const OP_WRITE = 23;
export function prepRead(sqe: Sqe, fd: S32, flags: U32, addr: U64, len: U32, off: Offset): void {
  prepRw(sqe, OP_READ, fd, flags, addr, len, off);
}

export function prepWrite(sqe: Sqe, fd: S32, flags: U32, addr: U64, len: U32, off: Offset): void {
  prepRw(sqe, OP_WRITE, fd, flags, addr, len, off);
}

const OP_FADVISE = 24;
export function prepFadvise(sqe: Sqe, fd: S32, flags: U32, off: U64, len: U32, advice: U32): void {
  prep(sqe, OP_FADVISE | flags, fd, 0, len, advice);
  setOff(sqe, off);
}

const OP_SEND = 26;
export function prepSend(sqe: Sqe, fd: S32, flags: U32, addr: U64, len: U32, msgFlags: U32): void {
  prep(sqe, OP_SEND | flags, fd, addr, len, msgFlags);
}

const OP_RECV = 27;
export function prepRecv(sqe: Sqe, fd: S32, flags: U32, addr: U64, len: U32, msgFlags: U32): void {
  prep(sqe, OP_RECV | flags, fd, addr, len, msgFlags);
}

/**
 * It stays armed, and takes provided buffers (Linux 6.0).
 *
 * @param optlen after how many bytes in all it ends by itself (Linux 6.17); 0 for never.
 */
export function prepRecvMultishot(sqe: Sqe, fd: S32, flags: U32, bufGroup: U32, optlen: U32): void {
  prep(sqe, OP_RECV | SQE_BUFFER_SELECT | SQE_RECEIVE_MULTISHOT | flags, fd, 0, 0, 0);
  sqe.words[sqe.at + BUFFER] = bufGroup;
  sqe.words[sqe.at + OPTLEN] = optlen;
}

const OP_OPENAT2 = 28;
/** @param how a struct open_how (openat2(2)), of `size` bytes. */
export function prepOpenat2(sqe: Sqe, dfd: S32, flags: U32, path: U64, how: U64, size: U32): void {
  prep(sqe, OP_OPENAT2 | flags, dfd, path, size, 0);
  setOff(sqe, how);
}

// Linux 5.7

const OP_SPLICE = 30;
/** At least one of the two is a pipe, whose offset is -1 (splice(2)). A kernel thread does it. */
export function prepSplice(sqe: Sqe, fdIn: S32, offIn: Offset, fdOut: S32, offOut: Offset, len: U32): void {
  prepRw(sqe, OP_SPLICE, fdOut, SQE_ASYNC, 0, len, offOut);
  setPosition(sqe.words, sqe.at + ADDR, offIn);
  sqe.words[sqe.at + SPLICE_FD_IN] = fdIn;
}

// Linux 5.11

const OP_SHUTDOWN = 34;
const OP_RENAMEAT = 35;
const OP_UNLINKAT = 36;
export function prepShutdown(sqe: Sqe, fd: S32, flags: U32, how: U32): void {
  prep(sqe, OP_SHUTDOWN | flags, fd, 0, how, 0);
}

export function prepRename(sqe: Sqe, oldpath: U64, newpath: U64): void {
  prep(sqe, OP_RENAMEAT, AT_FDCWD, oldpath, AT_FDCWD, 0);
  setOff(sqe, newpath);
}

export function prepUnlink(sqe: Sqe, path: U64, unlinkFlags: U32): void {
  prep(sqe, OP_UNLINKAT, AT_FDCWD, path, 0, unlinkFlags);
}

// Linux 5.15

const OP_MKDIRAT = 37;
const OP_SYMLINKAT = 38;
const OP_LINKAT = 39;
export function prepMkdir(sqe: Sqe, path: U64, mode: U32): void {
  prep(sqe, OP_MKDIRAT, AT_FDCWD, path, mode, 0);
}

export function prepSymlink(sqe: Sqe, target: U64, linkpath: U64): void {
  prep(sqe, OP_SYMLINKAT, AT_FDCWD, target, 0, 0);
  setOff(sqe, linkpath);
}

export function prepLink(sqe: Sqe, oldpath: U64, newpath: U64): void {
  prep(sqe, OP_LINKAT, AT_FDCWD, oldpath, AT_FDCWD, 0);
  setOff(sqe, newpath);
}

// Linux 5.19

const OP_FSETXATTR = 41;
const OP_SETXATTR = 42;
const OP_FGETXATTR = 43;
const OP_GETXATTR = 44;
export function prepFsetxattr(sqe: Sqe, fd: S32, name: U64, value: U64, xattrFlags: U32, len: U32): void {
  prep(sqe, OP_FSETXATTR, fd, name, len, xattrFlags);
  setOff(sqe, value);
}

export function prepSetxattr(sqe: Sqe, path: U64, name: U64, value: U64, xattrFlags: U32, len: U32): void {
  prep(sqe, OP_SETXATTR, 0, name, len, xattrFlags);
  setOff(sqe, value);
  writeWide(sqe.words, sqe.at + ADDR3, path);
}

export function prepFgetxattr(sqe: Sqe, fd: S32, name: U64, value: U64, len: U32): void {
  prep(sqe, OP_FGETXATTR, fd, name, len, 0);
  setOff(sqe, value);
}

export function prepGetxattr(sqe: Sqe, path: U64, name: U64, value: U64, len: U32): void {
  prep(sqe, OP_GETXATTR, 0, name, len, 0);
  setOff(sqe, value);
  writeWide(sqe.words, sqe.at + ADDR3, path);
}

const OP_URING_CMD = 46;
const SOCKET_CMD_SETSOCKOPT = 3;
/** setsockopt(2): io_uring_prep_cmd_sock with SOCKET_URING_OP_SETSOCKOPT (Linux 6.7). */
export function prepSetsockopt(
  sqe: Sqe,
  fd: S32,
  flags: U32,
  level: U32,
  optname: U32,
  optval: U64,
  optlen: U32,
): void {
  prep(sqe, OP_URING_CMD | flags, fd, 0, 0, 0);
  setOff(sqe, SOCKET_CMD_SETSOCKOPT);
  // Where others have an address.
  sqe.words[sqe.at + ADDR] = level;
  sqe.words[sqe.at + ADDR + 1] = optname;
  sqe.words[sqe.at + OPTLEN] = optlen;
  writeWide(sqe.words, sqe.at + ADDR3, optval);
}

// Linux 6.0

export const OP_SEND_ZC = 47;
export function prepSendZc(sqe: Sqe, fd: S32, flags: U32, addr: U64, len: U32, msgFlags: U32): void {
  prep(sqe, OP_SEND_ZC | flags, fd, addr, len, msgFlags);
}

// Linux 6.1

export const OP_SENDMSG_ZC = 48;
export function prepSendmsgZc(sqe: Sqe, fd: S32, flags: U32, msg: U64, msgFlags: U32): void {
  prep(sqe, OP_SENDMSG_ZC | flags, fd, msg, 1, msgFlags);
}

// Linux 6.8

export const OP_FIXED_FD_INSTALL = 54;
export function prepFixedFdInstall(sqe: Sqe, fd: S32, flags: U32): void {
  prep(sqe, OP_FIXED_FD_INSTALL | flags, fd, 0, 0, 0);
}

// Linux 6.9

export const OP_FTRUNCATE = 55;
export function prepFtruncate(sqe: Sqe, fd: S32, len: U64): void {
  prep(sqe, OP_FTRUNCATE, fd, 0, 0, 0);
  setOff(sqe, len);
}
