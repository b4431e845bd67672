// Calls on paths that the kernel's caches can answer. None of them waits for a device or another machine:
// where one would have to, it returns -EAGAIN and leaves the call to a ring. No Node-API, no libuv.
// Environment's thread only.
#ifndef RINGLET_CACHED_PATHS_H_
#define RINGLET_CACHED_PATHS_H_

#include <cstddef>
#include <cstdint>

#include "mount_table.h"

namespace ringlet {

// A file that is open and not read to its end.
struct OpenedRest {
  int32_t fd = -1;
  int32_t is_fifo = 0;
  int32_t is_seekable = 0;
};

// stat(2), or lstat(2), as 256 bytes of struct statx at `into`. 0, or -errno.
int StatCached(MountTable& mounts, const char* path, bool is_of_link, void* into);

// A whole regular file of at most `bytes`, into `slab`: how many bytes it has, or -errno. When the file is
// something else, longer, or not in the page cache, `rest` has its descriptor, which is the caller's, and the
// result is how many bytes have been read.
ptrdiff_t ReadFileCached(MountTable& mounts, const char* path, void* slab, size_t bytes, OpenedRest& rest);

// Whether a kernel's attempt on a path without a thread may wait for another party: io_uring opens a file
// whose name is in the cache, and reads one of FUSE, whose poll says that it is readable, inline
// (Linux 6.18). An empty path stands for any.
bool MayStall(MountTable& mounts, const char* path);

}  // namespace ringlet

#endif  // RINGLET_CACHED_PATHS_H_
