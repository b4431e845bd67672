/**
 * What the clients of servers have in common. A client is told by its standard input what to do: it begins to
 * take latencies at the first byte, and ends, saying what they were, at the end of it.
 */
#ifndef RINGLET_BENCH_CLIENT_H_
#define RINGLET_BENCH_CLIENT_H_

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

/** What a read of standard input means. */
static inline int is_over(ssize_t bytes) { return bytes <= 0; }

static inline int connect_to(unsigned port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int is_on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, sizeof is_on);
  if (connect(fd, (struct sockaddr*)&remote, sizeof remote) < 0) die("connect", -errno);
  return fd;
}

#endif
