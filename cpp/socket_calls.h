// The few socket calls that never block and so need no ring, and addresses in the kernel's form and back.
// Any thread. Calls return -errno.
#ifndef RINGLET_SOCKET_CALLS_H_
#define RINGLET_SOCKET_CALLS_H_

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringlet {

// A blocking, close-on-exec datagram socket. Blocking, because the ring waits by itself and O_NONBLOCK
// would make it report EAGAIN instead (io_uring_enter(2)).
int OpenDatagramSocket(int family);

int BindSocket(int fd, const void* name, uint32_t bytes);
// The kernel's form of "no peer" (AF_UNSPEC) takes the peer away again.
int ConnectSocket(int fd, const void* name, uint32_t bytes);

// The bound name of a socket, or its peer's: bytes used, or -errno.
int LocalName(int fd, sockaddr_storage* address);
int PeerName(int fd, sockaddr_storage* address);

int SetSocketOption(int fd, int level, int name, const void* value, uint32_t bytes);
// The value of an option that is a number from 0 on, or -errno.
int GetSocketOption(int fd, int level, int name);

// Sends messages without waiting: how many left, or -errno when the first did not.
int SendMessages(int fd, mmsghdr* messages, uint32_t count);

// Sends what the kernel takes at once: bytes, or -errno.
int SendNow(int fd, const iovec* pieces, size_t count);

// A literal address (with %scope for IPv6) and port in the kernel's form: bytes used, or -EINVAL.
int EncodeAddress(const std::string& text, uint16_t port, sockaddr_storage* address);

// The literal address of an IPv4 or IPv6 name; empty for another family.
std::string DecodeAddress(const sockaddr_storage& address, uint16_t* port);

}  // namespace ringlet

#endif  // RINGLET_SOCKET_CALLS_H_
