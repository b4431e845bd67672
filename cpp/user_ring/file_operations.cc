// Transfers and calls on open files.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "../libc_calls.h"
#include "operations.h"

namespace ringlet::user_ring {
namespace {

constexpr size_t kVectorsMax = 1024;

bool IsWrite(const Request& request) {
  return request.sqe.opcode == abi::kOpWrite || request.sqe.opcode == abi::kOpWritev;
}

// The memory that a transfer has still to fill or to write.
class Rest {
 public:
  explicit Rest(const Request& request) {
    const abi::Sqe& sqe = request.sqe;
    auto skipped = static_cast<size_t>(request.done);
    if (sqe.opcode == abi::kOpRead || sqe.opcode == abi::kOpWrite) {
      one_ = {PointerOf<char>(sqe.addr) + skipped, sqe.len - skipped};
      vectors_ = &one_;
      bytes_ = one_.iov_len;
      return;
    }
    vectors_ = PointerOf<const iovec>(sqe.addr);
    count_ = sqe.len;
    for (size_t i = 0; i < count_; i++) bytes_ += vectors_[i].iov_len;
    if (skipped == 0) return;
    bytes_ -= skipped;
    for (size_t i = 0; i < count_; i++) {
      size_t here = std::min(skipped, vectors_[i].iov_len);
      skipped -= here;
      if (here < vectors_[i].iov_len)
        rest_.push_back({static_cast<char*>(vectors_[i].iov_base) + here, vectors_[i].iov_len - here});
    }
    vectors_ = rest_.data();
    count_ = rest_.size();
  }

  size_t bytes() const { return bytes_; }

  // preadv2(2) or pwritev2(2), at the cursor or where the transfer has got to.
  int64_t Transfer(const Request& request, int flags) const {
    if (count_ > kVectorsMax) {
      errno = EINVAL;
      return -1;
    }
    auto position = static_cast<int64_t>(request.sqe.off);
    if (position != -1) position += request.done;
    bool is_write = IsWrite(request);
    flags |= static_cast<int>(request.sqe.op_flags);
    int64_t moved = Call(is_write ? SYS_pwritev2 : SYS_preadv2, request.sqe.fd, position, flags);
    // An emulator may know the older calls alone.
    if (moved >= 0 || errno != ENOSYS || flags != 0) return moved;
    if (position == -1) return Call(is_write ? SYS_writev : SYS_readv, request.sqe.fd, 0, 0);
    return Call(is_write ? SYS_pwritev : SYS_preadv, request.sqe.fd, position, 0);
  }

 private:
  int64_t Call(long number, int fd, int64_t position, int flags) const {
    return syscall(number, fd, vectors_, static_cast<long>(count_), static_cast<long>(position),
                   static_cast<long>(position >> 32), static_cast<long>(flags));
  }

  iovec one_;
  const iovec* vectors_;
  size_t count_ = 1;
  size_t bytes_ = 0;
  std::vector<iovec> rest_;
};

// Whether what a short read has left is the end of the file.
bool IsAtEnd(const Request& request) {
  struct stat status;
  if (FileStatus(request.sqe.fd, &status) < 0 || !S_ISREG(status.st_mode)) return true;
  auto position = static_cast<int64_t>(request.sqe.off);
  int64_t at = position == -1 ? lseek(request.sqe.fd, 0, SEEK_CUR) : position + request.done;
  return at >= status.st_size;
}

Outcome Transferred(Request& request, size_t wanted) {
  request.is_short = static_cast<size_t>(request.done) < wanted;
  return Done(request.done);
}

}  // namespace

bool IsSized(int fd) {
  struct stat status;
  return FileStatus(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

bool IsLocalFile(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return true;
  // FUSE, NFS, SMB in its three forms, Ceph, AFS in its two, Coda, 9P, GFS2, OCFS2, Lustre, VirtualBox's.
  constexpr uint32_t kOthers[] = {0x65735546, 0x6969,     0x517b,     0xfe534d42, 0xff534d42,
                                  0x00c36400, 0x5346414f, 0x6b414653, 0x73757245, 0x01021997,
                                  0x01161970, 0x7461636f, 0x0bd00bd0, 0x786f4256};
  auto type = static_cast<uint32_t>(status.f_type);
  return std::find(std::begin(kOthers), std::end(kOthers), type) == std::end(kOthers);
}

Outcome AttemptTransfer(UserRing&, Request& request) {
  Rest rest(request);
  size_t wanted = rest.bytes() + static_cast<size_t>(request.done);
  int64_t count = rest.Transfer(request, RWF_NOWAIT);
  if (count >= 0) {
    request.done += count;
    bool is_through = static_cast<size_t>(count) == rest.bytes() || count == 0;
    // Of a pipe or a socket a part is enough. Of a file the rest may be out of the cache.
    bool has_rest = !is_through && (IsWrite(request) ? IsSized(request.sqe.fd) : !IsAtEnd(request));
    return has_rest ? Outcome{Next::kWorker} : Transferred(request, wanted);
  }
  if (errno == EAGAIN) return {IsWrite(request) ? Next::kWritable : Next::kReadable};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return Done(-errno);
  // Nothing that can be asked not to wait: a thread does it, once there is something to be had.
  pollfd asked = {request.sqe.fd, static_cast<short>(IsWrite(request) ? POLLOUT : POLLIN), 0};
  if (poll(&asked, 1, 0) != 0) return {Next::kWorker};
  return {IsWrite(request) ? Next::kWritable : Next::kReadable};
}

int32_t WorkTransfer(Request& request) {
  size_t wanted = Rest(request).bytes() + static_cast<size_t>(request.done);
  for (;;) {
    Rest rest(request);
    int32_t count = Interruptibly(request, [&] { return rest.Transfer(request, 0); });
    if (count < 0) {
      request.is_short = true;
      return request.done > 0 ? static_cast<int32_t>(request.done) : count;
    }
    request.done += count;
    if (static_cast<size_t>(count) == rest.bytes()) return static_cast<int32_t>(request.done);
    if (count > 0 && IsSized(request.sqe.fd)) continue;
    return Transferred(request, wanted).result;
  }
}

int32_t WorkFsync(Request& request) {
  constexpr uint32_t kDataOnly = 1;
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request,
                       [&] { return (sqe.op_flags & kDataOnly) != 0 ? fdatasync(sqe.fd) : fsync(sqe.fd); });
}

int32_t WorkSyncRange(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(
      request, [&] { return sync_file_range(sqe.fd, static_cast<off64_t>(sqe.off), sqe.len, sqe.op_flags); });
}

int32_t WorkAllocate(Request& request) {
  // The length comes where others have an address, and the mode where they have a length.
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] {
    return fallocate(sqe.fd, static_cast<int>(sqe.len), static_cast<off_t>(sqe.off),
                     static_cast<off_t>(sqe.addr));
  });
}

int32_t WorkTruncate(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return Interruptibly(request, [&] { return ftruncate(sqe.fd, static_cast<off_t>(sqe.off)); });
}

int32_t WorkAdvise(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  off_t bytes = sqe.addr != 0 ? static_cast<off_t>(sqe.addr) : sqe.len;
  // It returns the error.
  return -posix_fadvise(sqe.fd, static_cast<off_t>(sqe.off), bytes, static_cast<int>(sqe.op_flags));
}

int32_t WorkSplice(Request& request) {
  // The descriptor to take from comes where others have a slot of the file table, and its position where
  // others have an address.
  const abi::Sqe& sqe = request.sqe;
  auto from = static_cast<off64_t>(sqe.addr);
  auto to = static_cast<off64_t>(sqe.off);
  int32_t count = Interruptibly(request, [&] {
    return splice(sqe.file_index, from == -1 ? nullptr : &from, sqe.fd, to == -1 ? nullptr : &to, sqe.len, 0);
  });
  request.is_short = count < static_cast<int64_t>(sqe.len);
  return count;
}

// What is written back on close may wait for another machine, or a process.
Outcome AttemptClose(UserRing&, Request& request) {
  if (!IsLocalFile(request.sqe.fd)) return {Next::kWorker};
  return Done(ResultOf(close(request.sqe.fd)));
}

// The descriptor is gone, whatever close(2) says.
int32_t WorkClose(Request& request) {
  bool may_end = !request.is_taken_out() && request.is_cancelled.load(std::memory_order_relaxed);
  if (may_end) return -ECANCELED;
  int32_t result = ResultOf(close(request.sqe.fd));
  return result == -EINTR ? 0 : result;
}

// A descriptor of the process for what is in the file table.
Outcome AttemptInstall(UserRing&, Request& request) {
  if (request.slot == nullptr) return Done(-EBADF);
  return Done(ResultOf(fcntl(request.sqe.fd, F_DUPFD_CLOEXEC, 0)));
}

}  // namespace ringlet::user_ring
