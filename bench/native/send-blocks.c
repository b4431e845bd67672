/**
 * Floods connections to a port of 127.0.0.1 with blocks, each as fast as it takes them, until standard input
 * ends.
 *
 *   send-blocks <port> <connections> <bytes of a block>
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "client.h"

enum { EVENTS = 64, DEADLINE_SECONDS = 120 };

static void watch(int epoll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl", -errno);
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  unsigned long connections = number_argument(argc, argv, 2, "connections");
  size_t bytes = number_argument(argc, argv, 3, "bytes of a block");
  char* block = calloc(1, bytes);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  alarm(DEADLINE_SECONDS);
  watch(epoll, STDIN_FILENO, EPOLLIN);
  for (unsigned long i = 0; i < connections; i++) watch(epoll, connect_to(port), EPOLLOUT);
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait", -errno);
    for (int i = 0; i < count; i++) {
      char command;
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO && is_over(read(fd, &command, 1))) return 0;
      if (fd == STDIN_FILENO) continue;
      if (send(fd, block, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) return 0;
    }
  }
}
