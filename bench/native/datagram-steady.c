/**
 * Receives datagrams that come at a steady rate, by one multishot recvmsg, until the one that marks the end.
 * Binds a socket, has another process send to it, and prints how much processor time the receiving took.
 *
 *   datagram-steady <sender> <count> <bytes> <a second>
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "receiver.h"

enum { DEADLINE_SECONDS = 60, RECEIVE_BUFFER_BYTES = 16 << 20 };

/** What send-steadily numbers its last datagrams with. */
static const uint32_t END = 0xffffffffu;

static pid_t start_sender(char** arguments, unsigned port) {
  char port_text[16];
  snprintf(port_text, sizeof port_text, "%u", port);
  char* sender[] = {arguments[1], port_text, arguments[2], arguments[3], arguments[4], NULL};
  pid_t child;
  int error = posix_spawn(&child, arguments[1], NULL, NULL, sender, NULL);
  if (error != 0) die(arguments[1], -error);
  return child;
}

static uint64_t receive_until_end(struct receiver* receiver, int fd) {
  uint64_t received = 0;
  int is_over = 0;
  arm(receiver, fd);
  while (!is_over) {
    int result = io_uring_submit_and_wait(&receiver->ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0, returned = 0;
    struct io_uring_cqe* cqe;
    int has_ended = 0;
    io_uring_for_each_cqe(&receiver->ring, head, cqe) {
      if (cqe->res < 0 && cqe->res != -ENOBUFS) die("recvmsg", cqe->res);
      if (cqe->res >= 0) {
        if (take(receiver, cqe, returned++) == END) is_over = 1;
        received++;
      }
      if (!(cqe->flags & IORING_CQE_F_MORE)) has_ended = 1;
      seen++;
    }
    io_uring_buf_ring_advance(receiver->buffer_ring, returned);
    io_uring_cq_advance(&receiver->ring, seen);
    if (has_ended && !is_over) arm(receiver, fd);
  }
  return received;
}

int main(int argc, char** argv) {
  struct receiver receiver = {.header = {.msg_namelen = sizeof(struct sockaddr_storage)}};
  number_argument(argc, argv, 4, "a second");
  alarm(DEADLINE_SECONDS);
  make_ring(&receiver.ring, 256, 4096);
  make_buffers(&receiver);
  unsigned port;
  int fd = bind_socket(RECEIVE_BUFFER_BYTES, &port);
  pid_t child = start_sender(argv, port);
  uint64_t cpu_before_us = cpu_us();
  uint64_t count = receive_until_end(&receiver, fd);
  uint64_t spent_us = cpu_us() - cpu_before_us;
  // The clock that counts here is that of the processor.
  struct measurement measurement = {count, spent_us * 1000, spent_us};
  waitpid(child, NULL, 0);
  print_measurement(&measurement);
  return 0;
}
