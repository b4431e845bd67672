#include "cached_paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "libc_calls.h"

namespace ringlet {
namespace {

// STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID: all that a header of a Debian 12 may lack names for.
constexpr uint32_t kStatxMask = 0x7ff | 0x800 | 0x1000;
// Where struct statx has stx_mnt_id.
constexpr size_t kMountIdOffset = 0x90;

int OpenCached(const char* path, uint64_t flags) {
  OpenHow how = {flags | O_CLOEXEC, 0, kResolveCached};
  int64_t fd = OpenAt2(AT_FDCWD, path, how);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

}  // namespace

int StatCached(MountTable& mounts, const char* path, bool is_of_link, void* into) {
  // O_PATH: the file system is not told, and a FIFO or a device does not notice.
  int fd = OpenCached(path, static_cast<uint64_t>(O_PATH) | (is_of_link ? O_NOFOLLOW : 0));
  if (fd < 0) return fd;
  int result = 0;
  // On a network file system this takes what is known here, which is not good enough; but nothing waits.
  if (ExtendedStatus(fd, AT_STATX_DONT_SYNC, kStatxMask, into) < 0) {
    result = -EAGAIN;
  } else if (!mounts.IsLocal(*reinterpret_cast<uint64_t*>(static_cast<char*>(into) + kMountIdOffset))) {
    result = -EAGAIN;
  }
  close(fd);
  return result;
}

bool MayStall(MountTable& mounts, const char* path) {
  if (mounts.IsAllLocal()) return false;
  if (*path == '\0') return true;
  int fd = OpenCached(path, O_PATH);
  // What is not in the cache goes to a thread anyway, unless it comes there meanwhile.
  if (fd < 0) return fd == -EAGAIN;
  alignas(8) char status[256];
  bool is_known = ExtendedStatus(fd, AT_STATX_DONT_SYNC, kStatxMask, status) == 0;
  close(fd);
  return !is_known || !mounts.IsLocal(*reinterpret_cast<uint64_t*>(status + kMountIdOffset));
}

ptrdiff_t ReadFileCached(MountTable& mounts, const char* path, void* slab, size_t bytes, OpenedRest& rest) {
  // The kernel opens what it finds in its cache, and some file systems ask a server about that.
  if (!mounts.IsAllLocal()) return -EAGAIN;
  // O_NONBLOCK is for a FIFO, which would wait for its other side.
  int fd = OpenCached(path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return fd;
  struct stat status;
  bool is_known = FileStatus(fd, &status) == 0;
  if (is_known && S_ISDIR(status.st_mode)) {
    close(fd);
    return -EISDIR;
  }
  ptrdiff_t done = 0;
  if (is_known && S_ISREG(status.st_mode) && status.st_size <= static_cast<off_t>(bytes)) {
    ptrdiff_t count = ReadAt(fd, slab, bytes, -1, RWF_NOWAIT);
    if (count >= 0 && count == status.st_size) {
      close(fd);
      return count;
    }
    if (count > 0) done = count;
  }
  // A read of it may wait from now on.
  fcntl(fd, F_SETFL, 0);
  rest.fd = fd;
  rest.is_fifo = is_known && S_ISFIFO(status.st_mode);
  rest.is_seekable = lseek(fd, 0, SEEK_CUR) >= 0;
  return done;
}

}  // namespace ringlet
