/**
 * Sends datagrams to a port of 127.0.0.1, 256 a call: by sendmmsg, or with the kernel cutting them from
 * longer ones (UDP_SEGMENT). Needs no liburing.
 *
 *   send-many <port> <warm-up count> <count> <bytes of a datagram> <datagrams to a message>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "measure.h"

enum { BATCH_COUNT = 256 };

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  uint64_t warm_up = number_argument(argc, argv, 2, "warm-up count");
  uint64_t count = number_argument(argc, argv, 3, "count");
  int bytes = (int)number_argument(argc, argv, 4, "bytes of a datagram");
  unsigned merged = number_argument(argc, argv, 5, "datagrams to a message");
  int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sender < 0) die("socket", -errno);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (merged > 1 && setsockopt(sender, SOL_UDP, UDP_SEGMENT, &bytes, sizeof bytes) < 0)
    die("UDP_SEGMENT", -errno);

  unsigned messages_count = BATCH_COUNT / merged > 0 ? BATCH_COUNT / merged : 1;
  static struct mmsghdr messages[BATCH_COUNT];
  static struct iovec vectors[BATCH_COUNT];
  char* payload = calloc(merged, (size_t)bytes);
  for (unsigned i = 0; i < messages_count; i++) {
    vectors[i] = (struct iovec){.iov_base = payload, .iov_len = (size_t)bytes * merged};
    messages[i].msg_hdr =
        (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &vectors[i], .msg_iovlen = 1};
  }

  struct measurement measurement = {0};
  uint64_t start_ns = 0, cpu_before_us = 0;
  for (uint64_t sent = 0; sent < warm_up + count;) {
    if (start_ns == 0 && sent >= warm_up) {
      start_ns = now_ns();
      cpu_before_us = cpu_us();
    }
    int result = sendmmsg(sender, messages, messages_count, 0);
    if (result < 0) die("sendmmsg", -errno);
    sent += (uint64_t)result * merged;
    if (start_ns != 0) measurement.operation_count += (uint64_t)result * merged;
  }
  measurement.elapsed_ns = now_ns() - start_ns;
  measurement.cpu_us = cpu_us() - cpu_before_us;
  print_measurement(&measurement);
  return 0;
}
