/**
 * Drains queued datagrams by one multishot recvmsg with provided buffers, on liburing.
 * Each round binds a socket, has it filled by another process, and times only the drain.
 *
 *   datagram-drain <sender> <count> <bytes> <receive buffer bytes> <warm-up rounds> <measured rounds>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"

/** ringlet's default receive buffers. */
enum { BUFFER_COUNT = 256, BUFFER_BYTES = 4096, BUFFER_GROUP = 1, DEADLINE_SECONDS = 60 };

struct drain {
  struct io_uring ring;
  struct io_uring_buf_ring* buffer_ring;
  char* buffers;
  struct msghdr header;
};

static void make_buffers(struct drain* drain) {
  size_t bytes = (size_t)BUFFER_COUNT * BUFFER_BYTES;
  void* ring = mmap(NULL, BUFFER_COUNT * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                    MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  drain->buffers =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
  if (ring == MAP_FAILED || drain->buffers == MAP_FAILED) die("mmap", -errno);
  struct io_uring_buf_reg registration = {
      .ring_addr = (uintptr_t)ring, .ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
  int result = io_uring_register_buf_ring(&drain->ring, &registration, 0);
  if (result < 0) die("io_uring_register_buf_ring", result);
  drain->buffer_ring = ring;
  io_uring_buf_ring_init(drain->buffer_ring);
  for (unsigned i = 0; i < BUFFER_COUNT; i++)
    io_uring_buf_ring_add(drain->buffer_ring, drain->buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES, i,
                          io_uring_buf_ring_mask(BUFFER_COUNT), i);
  io_uring_buf_ring_advance(drain->buffer_ring, BUFFER_COUNT);
}

static int bind_socket(int receive_buffer_bytes, unsigned* port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in local = {.sin_family = AF_INET};
  socklen_t bytes = sizeof local;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr*)&local, bytes) < 0) die("bind", -errno);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes) < 0)
    die("SO_RCVBUF", -errno);
  if (getsockname(fd, (struct sockaddr*)&local, &bytes) < 0) die("getsockname", -errno);
  *port = ntohs(local.sin_port);
  return fd;
}

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

static void arm(struct drain* drain, int fd) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&drain->ring);
  io_uring_prep_recvmsg_multishot(sqe, fd, &drain->header, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = BUFFER_GROUP;
}

/** Reads what one completion brought and gives its buffer back. Returns the payload's bytes. */
static unsigned take(struct drain* drain, const struct io_uring_cqe* cqe, uint32_t expected,
                     unsigned offset) {
  unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
  char* buffer = drain->buffers + (size_t)index * BUFFER_BYTES;
  struct io_uring_recvmsg_out* out = io_uring_recvmsg_validate(buffer, cqe->res, &drain->header);
  if (out == NULL) die("recvmsg: no room", -EMSGSIZE);
  unsigned bytes = io_uring_recvmsg_payload_length(out, cqe->res, &drain->header);
  uint32_t number;
  memcpy(&number, io_uring_recvmsg_payload(out, &drain->header), sizeof number);
  if (number != expected) die("a datagram is missing", -EIO);
  io_uring_buf_ring_add(drain->buffer_ring, buffer, BUFFER_BYTES, index, io_uring_buf_ring_mask(BUFFER_COUNT),
                        offset);
  return bytes;
}

static void drain_round(struct drain* drain, int fd, uint32_t count) {
  uint32_t received = 0;
  arm(drain, fd);
  while (received < count) {
    int result = io_uring_submit_and_wait(&drain->ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0, returned = 0;
    struct io_uring_cqe* cqe;
    int has_ended = 0;
    io_uring_for_each_cqe(&drain->ring, head, cqe) {
      if (cqe->res >= 0) take(drain, cqe, received++, returned++);
      if (cqe->res < 0 && cqe->res != -ENOBUFS) die("recvmsg", cqe->res);
      if (!(cqe->flags & IORING_CQE_F_MORE)) has_ended = 1;
      seen++;
    }
    io_uring_buf_ring_advance(drain->buffer_ring, returned);
    io_uring_cq_advance(&drain->ring, seen);
    if (has_ended && received < count) arm(drain, fd);
  }
}

/** Ends the receive that is still armed, so that the next round's ring is quiet. */
static void disarm(struct drain* drain) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&drain->ring);
  io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY);
  sqe->user_data = 1;
  io_uring_submit_and_wait(&drain->ring, 1);
  struct __kernel_timespec patience = {.tv_nsec = 1000000};
  struct io_uring_cqe* cqe;
  while (io_uring_wait_cqe_timeout(&drain->ring, &cqe, &patience) == 0) io_uring_cqe_seen(&drain->ring, cqe);
}

int main(int argc, char** argv) {
  struct drain drain = {.header = {.msg_namelen = sizeof(struct sockaddr_storage)}};
  uint32_t count = number_argument(argc, argv, 2, "count");
  int receive_buffer_bytes = (int)number_argument(argc, argv, 4, "receive buffer bytes");
  unsigned warm_up_rounds = number_argument(argc, argv, 5, "warm-up rounds");
  unsigned measured_rounds = number_argument(argc, argv, 6, "measured rounds");
  alarm(DEADLINE_SECONDS);
  make_ring(&drain.ring, 256, 4096);
  make_buffers(&drain);

  struct measurement measurement = {0};
  for (unsigned round = 0; round < warm_up_rounds + measured_rounds; round++) {
    unsigned port;
    int fd = bind_socket(receive_buffer_bytes, &port);
    queue_datagrams(argv[1], port, argv[2], argv[3]);
    uint64_t cpu_before_us = cpu_us();
    uint64_t start_ns = now_ns();
    drain_round(&drain, fd, count);
    if (round >= warm_up_rounds) {
      measurement.elapsed_ns += now_ns() - start_ns;
      measurement.cpu_us += cpu_us() - cpu_before_us;
      measurement.operation_count += count;
    }
    disarm(&drain);
    close(fd);
  }
  print_measurement(&measurement);
  return 0;
}
