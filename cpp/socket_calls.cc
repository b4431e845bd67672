#include "socket_calls.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ringlet {
namespace {

int SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

int ApplyOptions(int fd, int family, const DatagramSocketOptions& options) {
  int error = 0;
  if (options.reuse_address) error = SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && options.reuse_port) error = SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (error == 0 && family == AF_INET6) error = SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only);
  if (error == 0 && options.broadcast) error = SetOption(fd, SOL_SOCKET, SO_BROADCAST, 1);
  if (error == 0 && options.receive_buffer_bytes > 0) {
    error = SetOption(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
  }
  if (error == 0 && options.send_buffer_bytes > 0) {
    error = SetOption(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  }
  return error;
}

SocketOutcome Abandon(int fd, int error, const char* syscall) {
  close(fd);
  return {error, syscall};
}

}  // namespace

SocketOutcome BindDatagramSocket(const sockaddr_storage& address, socklen_t address_bytes,
                                 const DatagramSocketOptions& options) {
  int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {-errno, "socket"};
  if (int error = ApplyOptions(fd, address.ss_family, options)) return Abandon(fd, error, "setsockopt");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), address_bytes) < 0) {
    return Abandon(fd, -errno, "bind");
  }
  return {fd, nullptr};
}

int LocalName(int fd, sockaddr_storage* address) {
  socklen_t bytes = sizeof(*address);
  return getsockname(fd, reinterpret_cast<sockaddr*>(address), &bytes) < 0 ? -errno : static_cast<int>(bytes);
}

int EncodeAddress(const std::string& text, uint16_t port, sockaddr_storage* address) {
  std::memset(address, 0, sizeof(*address));
  auto* v4 = reinterpret_cast<sockaddr_in*>(address);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof(*v4);
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(address);
  size_t percent = text.find('%');
  std::string scope = percent == std::string::npos ? "" : text.substr(percent + 1);
  if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &v6->sin6_addr) != 1) return -EINVAL;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  if (!scope.empty()) {
    v6->sin6_scope_id = if_nametoindex(scope.c_str());
    if (v6->sin6_scope_id == 0)
      v6->sin6_scope_id = static_cast<uint32_t>(std::strtoul(scope.c_str(), nullptr, 10));
    if (v6->sin6_scope_id == 0) return -EINVAL;
  }
  return sizeof(*v6);
}

std::string DecodeAddress(const sockaddr_storage& address, uint16_t* port) {
  char text[INET6_ADDRSTRLEN];
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    *port = ntohs(v4.sin_port);
    return inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  }
  if (address.ss_family != AF_INET6) return "";
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  *port = ntohs(v6.sin6_port);
  std::string decoded = inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  if (v6.sin6_scope_id != 0 && IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) {
    char name[IF_NAMESIZE];
    const char* found = if_indextoname(v6.sin6_scope_id, name);
    decoded += "%" + (found != nullptr ? std::string(found) : std::to_string(v6.sin6_scope_id));
  }
  return decoded;
}

}  // namespace ringlet
