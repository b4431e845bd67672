/**
 * Drains queued datagrams by one multishot recvmsg with provided buffers, on liburing.
 * Each round binds a socket, has it filled by another process, and times only the drain.
 *
 *   datagram-drain <sender> <count> <bytes> <receive buffer bytes> <warm-up rounds> <measured rounds>
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "receiver.h"

enum { DEADLINE_SECONDS = 60 };

static void queue_datagrams(char* sender, unsigned port, char* count, char* bytes) {
  char port_text[16];
  snprintf(port_text, sizeof port_text, "%u", port);
  char* arguments[] = {sender, port_text, count, bytes, NULL};
  pid_t child;
  int status;
  int error = posix_spawn(&child, sender, NULL, NULL, arguments, NULL);
  if (error != 0) die(sender, -error);
  if (waitpid(child, &status, 0) < 0 || status != 0) die(sender, -EIO);
}

static void drain_round(struct receiver* receiver, int fd, uint32_t count) {
  uint32_t received = 0;
  arm(receiver, fd);
  while (received < count) {
    int result = io_uring_submit_and_wait(&receiver->ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0, returned = 0;
    struct io_uring_cqe* cqe;
    int has_ended = 0;
    io_uring_for_each_cqe(&receiver->ring, head, cqe) {
      if (cqe->res >= 0 && take(receiver, cqe, returned++) != received++) die("a datagram is missing", -EIO);
      if (cqe->res < 0 && cqe->res != -ENOBUFS) die("recvmsg", cqe->res);
      if (!(cqe->flags & IORING_CQE_F_MORE)) has_ended = 1;
      seen++;
    }
    io_uring_buf_ring_advance(receiver->buffer_ring, returned);
    io_uring_cq_advance(&receiver->ring, seen);
    if (has_ended && received < count) arm(receiver, fd);
  }
}

/** Ends the receive that is still armed, so that the next round's ring is quiet. */
static void disarm(struct receiver* receiver) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&receiver->ring);
  io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY);
  sqe->user_data = 1;
  io_uring_submit_and_wait(&receiver->ring, 1);
  struct __kernel_timespec patience = {.tv_nsec = 1000000};
  struct io_uring_cqe* cqe;
  while (io_uring_wait_cqe_timeout(&receiver->ring, &cqe, &patience) == 0)
    io_uring_cqe_seen(&receiver->ring, cqe);
}

int main(int argc, char** argv) {
  struct receiver receiver = {.header = {.msg_namelen = sizeof(struct sockaddr_storage)}};
  uint32_t count = number_argument(argc, argv, 2, "count");
  int receive_buffer_bytes = (int)number_argument(argc, argv, 4, "receive buffer bytes");
  unsigned warm_up_rounds = number_argument(argc, argv, 5, "warm-up rounds");
  unsigned measured_rounds = number_argument(argc, argv, 6, "measured rounds");
  alarm(DEADLINE_SECONDS);
  make_ring(&receiver.ring, 256, 4096);
  make_buffers(&receiver);

  struct measurement measurement = {0};
  for (unsigned round = 0; round < warm_up_rounds + measured_rounds; round++) {
    unsigned port;
    int fd = bind_socket(receive_buffer_bytes, &port);
    queue_datagrams(argv[1], port, argv[2], argv[3]);
    uint64_t cpu_before_us = cpu_us();
    uint64_t start_ns = now_ns();
    drain_round(&receiver, fd, count);
    if (round >= warm_up_rounds) {
      measurement.elapsed_ns += now_ns() - start_ns;
      measurement.cpu_us += cpu_us() - cpu_before_us;
      measurement.operation_count += count;
    }
    disarm(&receiver);
    close(fd);
  }
  print_measurement(&measurement);
  return 0;
}
