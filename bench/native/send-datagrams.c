/**
 * Sends numbered datagrams to a port of 127.0.0.1, as fast as sendmmsg goes, and ends.
 * The first four bytes of each are its number from 0, little-endian. Needs no liburing.
 *
 *   send-datagrams <port> <count> <bytes>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "measure.h"

enum { BATCH_COUNT = 64 };

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  uint32_t count = number_argument(argc, argv, 2, "count");
  size_t bytes = number_argument(argc, argv, 3, "bytes");
  if (bytes < sizeof(uint32_t)) die("bytes: no room for the number", -EINVAL);

  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to) < 0) die("connect", -errno);

  struct mmsghdr messages[BATCH_COUNT] = {0};
  struct iovec vectors[BATCH_COUNT];
  char* payloads = calloc(BATCH_COUNT, bytes);
  for (unsigned i = 0; i < BATCH_COUNT; i++) {
    vectors[i] = (struct iovec){.iov_base = payloads + i * bytes, .iov_len = bytes};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }

  for (uint32_t sent = 0; sent < count;) {
    uint32_t batch = count - sent < BATCH_COUNT ? count - sent : BATCH_COUNT;
    for (uint32_t i = 0; i < batch; i++) {
      uint32_t number = sent + i;
      for (unsigned b = 0; b < sizeof number; b++) payloads[i * bytes + b] = (char)(number >> (8 * b));
    }
    int result = sendmmsg(fd, messages, batch, 0);
    if (result < 0 && errno != EINTR && errno != EAGAIN) die("sendmmsg", -errno);
    if (result > 0) sent += (uint32_t)result;
  }
  return 0;
}
