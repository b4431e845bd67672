// The few socket calls that never block and so need no ring: making, binding and naming a socket, and
// turning addresses into the kernel's form and back. Any thread. Calls return -errno.
#ifndef RINGLET_SOCKET_CALLS_H_
#define RINGLET_SOCKET_CALLS_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace ringlet {

struct DatagramSocketOptions {
  bool reuse_address = false;
  bool reuse_port = false;
  bool ipv6_only = false;
  bool broadcast = false;
  int receive_buffer_bytes = 0;  // 0: the system's default
  int send_buffer_bytes = 0;
};

struct SocketOutcome {
  int fd;               // or -errno
  const char* syscall;  // the call that failed
};

// A blocking, close-on-exec UDP socket, bound. Blocking, because the ring waits by itself and
// O_NONBLOCK would make it report EAGAIN instead (io_uring_enter(2)).
SocketOutcome BindDatagramSocket(const sockaddr_storage& address, socklen_t address_bytes,
                                 const DatagramSocketOptions& options);

// The bound name of a socket: bytes used, or -errno.
int LocalName(int fd, sockaddr_storage* address);

// A literal address (with %scope for IPv6) and port in the kernel's form: bytes used, or -EINVAL.
int EncodeAddress(const std::string& text, uint16_t port, sockaddr_storage* address);

// The literal address of an IPv4 or IPv6 name; empty for another family.
std::string DecodeAddress(const sockaddr_storage& address, uint16_t* port);

}  // namespace ringlet

#endif  // RINGLET_SOCKET_CALLS_H_
