// Opens, and calls on paths.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "../libc_calls.h"
#include "operations.h"

namespace ringlet::user_ring {
namespace {

// Of the file systems on the way nothing is known: to open there may ask a process or another machine, so a
// thread does what is not plainly local.
constexpr uint64_t kChangingFlags = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

const char* PathOf(const abi::Sqe& sqe) { return PointerOf<const char>(sqe.addr); }
const char* SecondPathOf(const abi::Sqe& sqe) { return PointerOf<const char>(sqe.off); }

bool HowOf(const Request& request, OpenHow* how) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.opcode == abi::kOpOpenAt) {
    *how = {sqe.op_flags, 0, 0};
    // openat2(2) refuses a mode that would mean nothing.
    if ((how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0) how->mode = sqe.len & 07777;
  } else if (sqe.len >= sizeof(OpenHow)) {
    *how = *PointerOf<const OpenHow>(sqe.off);
  } else {
    return false;
  }
  if (sqe.file_index == 0) return true;
  // The kernel's tables know nothing of close-on-exec; what is in this one is never left to another program.
  if (request.slot == nullptr || (how->flags & O_CLOEXEC) != 0) return false;
  how->flags |= O_CLOEXEC;
  return true;
}

// What an open has come to: the descriptor, or 0 where it is in a slot, which is emptied first.
int64_t Opened(const Request& request, int64_t fd) {
  if (request.slot == nullptr || fd < 0) return fd;
  int before = request.slot->exchange(static_cast<int>(fd), std::memory_order_relaxed);
  if (before >= 0) close(before);
  return 0;
}

// Whether it says nothing of the file: EINVAL is from before Linux 5.12, which can't be asked for the cache
// alone, ENOSYS from before 5.6, and where a seccomp filter knows no openat2(2) it is refused by this or by
// EPERM.
bool SaysNothing(int error) {
  return error == EAGAIN || error == EINVAL || error == ENOSYS || error == EPERM;
}

}  // namespace

// As the kernel first tries it: what is in the dentry cache, and without waiting for the other side of a
// FIFO.
Outcome AttemptOpen(UserRing&, Request& request) {
  OpenHow how;
  if (!HowOf(request, &how)) return Done(-EINVAL);
  if ((how.flags & kChangingFlags) != 0) return {Next::kWorker};
  bool is_blocking = (how.flags & (O_NONBLOCK | O_PATH)) == 0;
  OpenHow attempt = how;
  attempt.resolve |= kResolveCached;
  if (is_blocking) attempt.flags |= O_NONBLOCK;
  int64_t fd = OpenAt2(request.sqe.fd, PathOf(request.sqe), attempt);
  if (fd < 0) return SaysNothing(errno) ? Outcome{Next::kWorker} : Done(-errno);
  // What else the flags say it keeps, or does not look at.
  if (is_blocking) fcntl(static_cast<int>(fd), F_SETFL, static_cast<int>(how.flags));
  return Done(Opened(request, fd));
}

int32_t WorkOpen(Request& request) {
  OpenHow how;
  if (!HowOf(request, &how)) return -EINVAL;
  return Interruptibly(request, [&]() -> int64_t {
    // open(2) knows flags that openat2(2) refuses, and is there on older kernels.
    const abi::Sqe& sqe = request.sqe;
    if (sqe.opcode == abi::kOpOpenAt)
      return Opened(request, openat(sqe.fd, PathOf(sqe), static_cast<int>(how.flags), sqe.len));
    return Opened(request, OpenAt2(sqe.fd, PathOf(sqe), how));
  });
}

// Of an open file of a local file system: answered from memory.
Outcome AttemptStatx(UserRing&, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  bool is_of_file = (sqe.op_flags & AT_EMPTY_PATH) != 0 && sqe.fd >= 0 && *PathOf(sqe) == '\0';
  if (!is_of_file || !IsLocalFile(sqe.fd)) return {Next::kWorker};
  return Done(WorkStatx(request));
}

int32_t WorkStatx(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] {
    return syscall(SYS_statx, sqe.fd, PathOf(sqe), sqe.op_flags, sqe.len, PointerOf<void>(sqe.off));
  });
}

int32_t WorkRename(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] {
    return syscall(SYS_renameat2, sqe.fd, PathOf(sqe), static_cast<int>(sqe.len), SecondPathOf(sqe),
                   sqe.op_flags);
  });
}

int32_t WorkUnlink(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request,
                       [&] { return unlinkat(sqe.fd, PathOf(sqe), static_cast<int>(sqe.op_flags)); });
}

int32_t WorkMkdir(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] { return mkdirat(sqe.fd, PathOf(sqe), sqe.len); });
}

int32_t WorkSymlink(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] { return symlinkat(PathOf(sqe), sqe.fd, SecondPathOf(sqe)); });
}

int32_t WorkLink(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] {
    return linkat(sqe.fd, PathOf(sqe), static_cast<int>(sqe.len), SecondPathOf(sqe),
                  static_cast<int>(sqe.op_flags));
  });
}

// The name comes where others have a path, the value second, and the path of a file that is not open third.
int32_t WorkGetAttribute(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  void* value = PointerOf<void>(sqe.off);
  return Interruptibly(request, [&]() -> int64_t {
    if (sqe.opcode == abi::kOpFgetXattr) return fgetxattr(sqe.fd, PathOf(sqe), value, sqe.len);
    return getxattr(PointerOf<const char>(sqe.addr3), PathOf(sqe), value, sqe.len);
  });
}

int32_t WorkSetAttribute(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  const void* value = PointerOf<const void>(sqe.off);
  int flags = static_cast<int>(sqe.op_flags);
  return Interruptibly(request, [&]() -> int64_t {
    if (sqe.opcode == abi::kOpFsetXattr) return fsetxattr(sqe.fd, PathOf(sqe), value, sqe.len, flags);
    return setxattr(PointerOf<const char>(sqe.addr3), PathOf(sqe), value, sqe.len, flags);
  });
}

}  // namespace ringlet::user_ring
