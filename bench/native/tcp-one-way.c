/**
 * One connection of a process with itself on liburing: a send of a block at a time, and a receive into one
 * block, each submitted again when it has completed.
 *
 *   tcp-one-way <block bytes> <warm-up blocks> <measured blocks>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring.h"

enum { SEND = 1, RECEIVE = 2, DEADLINE_SECONDS = 120 };

static void make_connection(int* near, int* far) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in local = {.sin_family = AF_INET};
  socklen_t bytes = sizeof local;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&local, bytes) < 0 || listen(listener, 1) < 0) die("listen", -errno);
  if (getsockname(listener, (struct sockaddr*)&local, &bytes) < 0) die("getsockname", -errno);
  *near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(*near, (struct sockaddr*)&local, bytes) < 0) die("connect", -errno);
  *far = accept(listener, NULL, NULL);
  if (*far < 0) die("accept", -errno);
  close(listener);
}

/** Sends and receives so many blocks. */
static void run(struct io_uring* ring, int near, int far, char* out, char* in, unsigned bytes,
                unsigned long blocks) {
  unsigned long sent = 0;
  uint64_t received = 0, wanted = (uint64_t)blocks * bytes;
  int is_sending = 0, is_receiving = 0;
  while (received < wanted) {
    if (!is_sending && sent < blocks) {
      struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
      io_uring_prep_send(sqe, near, out, bytes, MSG_WAITALL);
      sqe->user_data = SEND;
      is_sending = 1;
    }
    if (!is_receiving) {
      struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
      io_uring_prep_recv(sqe, far, in, bytes, 0);
      sqe->user_data = RECEIVE;
      is_receiving = 1;
    }
    int result = io_uring_submit_and_wait(ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(ring, head, cqe) {
      if (cqe->res <= 0) die("transfer", cqe->res < 0 ? cqe->res : -EIO);
      if (cqe->user_data == SEND) {
        sent++;
        is_sending = 0;
      } else {
        received += (unsigned)cqe->res;
        is_receiving = 0;
      }
      seen++;
    }
    io_uring_cq_advance(ring, seen);
  }
}

int main(int argc, char** argv) {
  struct io_uring ring;
  unsigned bytes = number_argument(argc, argv, 1, "block bytes");
  unsigned long warm_up = number_argument(argc, argv, 2, "warm-up blocks");
  unsigned long measured = number_argument(argc, argv, 3, "measured blocks");
  alarm(DEADLINE_SECONDS);
  make_ring(&ring, 64, 256);
  char* out = malloc(bytes);
  char* in = malloc(bytes);
  if (out == NULL || in == NULL) die("malloc", -ENOMEM);
  memset(out, 7, bytes);
  int near, far;
  make_connection(&near, &far);
  run(&ring, near, far, out, in, bytes, warm_up);
  struct measurement measurement = {.operation_count = measured};
  uint64_t cpu_before_us = cpu_us();
  uint64_t start_ns = now_ns();
  run(&ring, near, far, out, in, bytes, measured);
  measurement.elapsed_ns = now_ns() - start_ns;
  measurement.cpu_us = cpu_us() - cpu_before_us;
  print_measurement(&measurement);
  return 0;
}
