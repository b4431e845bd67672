/**
 * The other side of the echo servers: keeps one message in flight on each of many connections, checks that
 * what comes back has the right length, and ends after so many of them. Idle connections are made before,
 * and say nothing.
 *
 *   echo-client <port> <connections> <bytes> <messages> [<idle connections>]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring.h"

enum { MESSAGE_BYTES_MAX = 4096, DEADLINE_SECONDS = 120 };

static char payload[MESSAGE_BYTES_MAX];

static int connect_to(unsigned port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int is_on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, sizeof is_on);
  if (connect(fd, (struct sockaddr*)&remote, sizeof remote) < 0) die("connect", -errno);
  return fd;
}

/** One message and its echo: a send, and linked to it the receive of all of it. */
static void exchange(struct io_uring* ring, int fd, char* buffer, unsigned bytes, unsigned index) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
  io_uring_prep_send(sqe, fd, payload, bytes, MSG_WAITALL);
  sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = index;
  sqe = io_uring_get_sqe(ring);
  io_uring_prep_recv(sqe, fd, buffer, bytes, MSG_WAITALL);
  sqe->user_data = index;
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  unsigned connections = number_argument(argc, argv, 2, "connections");
  unsigned bytes = number_argument(argc, argv, 3, "bytes");
  unsigned long messages = number_argument(argc, argv, 4, "messages");
  unsigned long idle = argc > 5 ? number_argument(argc, argv, 5, "idle connections") : 0;
  if (bytes > MESSAGE_BYTES_MAX) die("bytes", -EINVAL);
  alarm(DEADLINE_SECONDS);
  struct io_uring ring;
  make_ring(&ring, 2048, 8192);
  int* fds = calloc(connections, sizeof *fds);
  char* buffers = calloc(connections, bytes);
  if (fds == NULL || buffers == NULL) die("calloc", -ENOMEM);
  for (unsigned long i = 0; i < idle; i++) connect_to(port);
  for (unsigned i = 0; i < connections; i++) fds[i] = connect_to(port);
  unsigned long begun = 0, done = 0;
  for (unsigned i = 0; i < connections && begun < messages; i++, begun++)
    exchange(&ring, fds[i], buffers + (size_t)i * bytes, bytes, i);
  while (done < messages) {
    int result = io_uring_submit_and_wait(&ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring, head, cqe) {
      unsigned i = (unsigned)cqe->user_data;
      if (cqe->res != (int)bytes) die("echo", cqe->res < 0 ? cqe->res : -EIO);
      seen++;
      done++;
      if (begun < messages) {
        exchange(&ring, fds[i], buffers + (size_t)i * bytes, bytes, i);
        begun++;
      }
    }
    io_uring_cq_advance(&ring, seen);
  }
  for (unsigned i = 0; i < connections; i++) close(fds[i]);
  return 0;
}
