#include "socket_calls.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>

namespace ringlet {
namespace {

// What TypeScript knows by number (src/uring/sockets/socket-options.ts, ancillary.ts).
static_assert(sizeof(size_t) == 8 && sizeof(cmsghdr) == 16 && sizeof(timespec) == 16);
static_assert(SOL_SOCKET == 1 && SOL_UDP == 17 && IPPROTO_IP == 0 && IPPROTO_IPV6 == 41);
static_assert(SO_RXQ_OVFL == 40 && SO_TIMESTAMPNS == 35 && SCM_TIMESTAMPNS == SO_TIMESTAMPNS);
static_assert(sizeof(mmsghdr) == 64 && sizeof(msghdr) == 56 && offsetof(msghdr, msg_control) == 32);
static_assert(SCM_RIGHTS == 1 && AF_UNIX == 1 && AF_INET == 2 && AF_INET6 == 10);
static_assert(IP_TOS == 1 && IP_PKTINFO == 8 && IP_RECVTOS == 13);
static_assert(IPV6_RECVPKTINFO == 49 && IPV6_PKTINFO == 50 && IPV6_RECVTCLASS == 66 && IPV6_TCLASS == 67);
static_assert(sizeof(in_pktinfo) == 12 && offsetof(in_pktinfo, ipi_addr) == 8);
static_assert(sizeof(in6_pktinfo) == 20 && offsetof(in6_pktinfo, ipi6_ifindex) == 16);

int OrErrno(int result) { return result < 0 ? -errno : result; }

const sockaddr* AsName(const void* name) { return static_cast<const sockaddr*>(name); }

}  // namespace

int OpenDatagramSocket(int family) { return OrErrno(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }

int BindSocket(int fd, const void* name, uint32_t bytes) { return OrErrno(bind(fd, AsName(name), bytes)); }

int ConnectSocket(int fd, const void* name, uint32_t bytes) {
  return OrErrno(connect(fd, AsName(name), bytes));
}

int LocalName(int fd, sockaddr_storage* address) {
  socklen_t bytes = sizeof(*address);
  int error = OrErrno(getsockname(fd, reinterpret_cast<sockaddr*>(address), &bytes));
  return error < 0 ? error : static_cast<int>(bytes);
}

int PeerName(int fd, sockaddr_storage* address) {
  socklen_t bytes = sizeof(*address);
  int error = OrErrno(getpeername(fd, reinterpret_cast<sockaddr*>(address), &bytes));
  return error < 0 ? error : static_cast<int>(bytes);
}

int SetSocketOption(int fd, int level, int name, const void* value, uint32_t bytes) {
  return OrErrno(setsockopt(fd, level, name, value, bytes));
}

int GetSocketOption(int fd, int level, int name) {
  int value = 0;
  socklen_t bytes = sizeof(value);
  int error = OrErrno(getsockopt(fd, level, name, &value, &bytes));
  return error < 0 ? error : value;
}

int SendMessages(int fd, mmsghdr* messages, uint32_t count) {
  return OrErrno(sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int SendNow(int fd, const iovec* pieces, size_t count) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  // A message would have to be copied into the kernel, too.
  if (count == 1) return OrErrno(static_cast<int>(send(fd, pieces->iov_base, pieces->iov_len, kFlags)));
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  return OrErrno(static_cast<int>(sendmsg(fd, &message, kFlags)));
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
    if (v6->sin6_scope_id == 0) std::from_chars(scope.data(), scope.data() + scope.size(), v6->sin6_scope_id);
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
