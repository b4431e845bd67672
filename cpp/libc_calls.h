// System calls for which the C libraries' functions are newer than the oldest libraries that a prebuilt addon
// runs on: glibc 2.28 and musl 1.2. As those functions, these return -1 and leave errno.
#ifndef RINGLET_LIBC_CALLS_H_
#define RINGLET_LIBC_CALLS_H_

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>

#ifndef __NR_openat2
#define __NR_openat2 437
#endif

namespace ringlet {

// struct open_how (openat2(2)).
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

// Only what the dentry cache has; EAGAIN otherwise (Linux 5.12).
constexpr uint64_t kResolveCached = 0x20;

// openat2(2), for which no library has a function.
inline int64_t OpenAt2(int directory, const char* path, const OpenHow& how) {
  return syscall(__NR_openat2, directory, path, &how, sizeof(how));
}

// fstat(2), which glibc has as a function since 2.33.
inline int FileStatus(int fd, struct stat* status) {
#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)
  // Here the kernel's structure is the libraries'.
  return static_cast<int>(syscall(SYS_fstat, fd, status));
#else
  return fstat(fd, status);
#endif
}

// statx(2) of a descriptor into 256 bytes, a struct statx; musl has the function since 1.2.5.
inline int ExtendedStatus(int fd, int flags, uint32_t mask, void* into) {
  return static_cast<int>(syscall(SYS_statx, fd, "", AT_EMPTY_PATH | flags, mask, into));
}

// getrusage(2) of the calling thread: the kernel's structure, which musl's begins with.
inline int ThreadUsage(rusage* usage) {
  return static_cast<int>(syscall(SYS_getrusage, RUSAGE_THREAD, usage));
}

// preadv2(2) into one piece of memory; musl has the function since 1.2.5.
inline ssize_t ReadAt(int fd, void* data, size_t bytes, int64_t position, int flags) {
  iovec vector = {data, bytes};
  // Where a long has 64 bits, the kernel shifts the upper half away.
  return syscall(SYS_preadv2, fd, &vector, 1L, static_cast<long>(position), static_cast<long>(position >> 32),
                 static_cast<long>(flags));
}

}  // namespace ringlet

#endif  // RINGLET_LIBC_CALLS_H_
