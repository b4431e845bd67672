// What the addon shares with the C library, as glibc and musl both have it on 64-bit processors; compiled
// with the headers of each (scripts/prebuild.mjs). Types of the kernel's interface alone are not here: both
// take them as they are.
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

#define HAS_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type)
#define HAS_AT(type, member, bytes) \
  static_assert(__builtin_offsetof(type, member) == (bytes), #type "." #member)

HAS_SIZE(off_t, 8);
HAS_SIZE(mode_t, 4);
HAS_SIZE(gid_t, 4);
HAS_SIZE(socklen_t, 4);
HAS_SIZE(cpu_set_t, 128);
HAS_SIZE(timespec, 16);
HAS_SIZE(iovec, 16);
HAS_AT(rusage, ru_stime, 16);
HAS_AT(rusage, ru_nivcsw, 136);
HAS_SIZE(pollfd, 8);
HAS_SIZE(sockaddr_storage, 128);
HAS_SIZE(sockaddr_in6, 28);
HAS_AT(sockaddr_in6, sin6_scope_id, 24);

HAS_SIZE(msghdr, 56);
HAS_AT(msghdr, msg_iov, 16);
HAS_AT(msghdr, msg_iovlen, 24);
HAS_AT(msghdr, msg_control, 32);
HAS_AT(msghdr, msg_controllen, 40);
HAS_AT(msghdr, msg_flags, 48);
HAS_SIZE(mmsghdr, 64);

HAS_SIZE(struct sigaction, 152);
HAS_AT(struct sigaction, sa_mask, 8);
HAS_AT(struct sigaction, sa_flags, 136);

HAS_SIZE(struct statfs, 120);
HAS_AT(struct statfs, f_type, 0);
HAS_AT(struct stat, st_dev, 0);
HAS_AT(struct stat, st_ino, 8);
HAS_AT(struct stat, st_size, 48);
#ifdef __x86_64__
HAS_SIZE(epoll_event, 12);
HAS_SIZE(struct stat, 144);
HAS_AT(struct stat, st_mode, 24);
#else
HAS_SIZE(epoll_event, 16);
HAS_SIZE(struct stat, 128);
HAS_AT(struct stat, st_mode, 16);
#endif

// std::mutex is one of these, of glibc's size and all zero in the beginning; musl's is not larger, and begins
// so, too.
#if defined(__GLIBC__) && defined(__aarch64__)
HAS_SIZE(pthread_mutex_t, 48);
#else
HAS_SIZE(pthread_mutex_t, 40);
#endif

static_assert(O_CLOEXEC == 02000000 && O_NONBLOCK == 04000 && O_PATH == 010000000);
static_assert(EPOLL_CLOEXEC == 02000000 && EFD_NONBLOCK == 04000 && SOCK_CLOEXEC == 02000000);
static_assert(CLOCK_MONOTONIC == 1 && IF_NAMESIZE == 16 && INET6_ADDRSTRLEN == 46);
