/** Error numbers, negated as completions and system calls of the addon have them (errno(3)). */
import { constants } from 'node:os';

const { errno } = constants;

export const EPERM = -errno.EPERM;
export const ENOENT = -errno.ENOENT;
export const EINTR = -errno.EINTR;
export const EIO = -errno.EIO;
export const EBADF = -errno.EBADF;
export const EAGAIN = -errno.EAGAIN;
export const ENOMEM = -errno.ENOMEM;
export const EACCES = -errno.EACCES;
export const EBUSY = -errno.EBUSY;
export const EEXIST = -errno.EEXIST;
export const ENOTDIR = -errno.ENOTDIR;
export const EISDIR = -errno.EISDIR;
export const EINVAL = -errno.EINVAL;
export const ENFILE = -errno.ENFILE;
export const EMFILE = -errno.EMFILE;
export const EFBIG = -errno.EFBIG;
export const ENOSPC = -errno.ENOSPC;
export const EPIPE = -errno.EPIPE;
export const ENAMETOOLONG = -errno.ENAMETOOLONG;
export const ENOSYS = -errno.ENOSYS;
export const ELOOP = -errno.ELOOP;
export const EPROTO = -errno.EPROTO;
export const ENOTSUP = -errno.ENOTSUP;
export const EOPNOTSUPP = -errno.EOPNOTSUPP;
export const ECONNABORTED = -errno.ECONNABORTED;
export const ECONNRESET = -errno.ECONNRESET;
export const ENOBUFS = -errno.ENOBUFS;
export const ECONNREFUSED = -errno.ECONNREFUSED;
export const ETIMEDOUT = -errno.ETIMEDOUT;
export const ECANCELED = -errno.ECANCELED;

/** The kernel's own code for an interrupted call; some operations let it through. */
export const ERESTARTSYS = -512;
