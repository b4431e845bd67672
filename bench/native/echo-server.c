/**
 * An echo server on liburing: one multishot accept, a multishot receive with provided buffers for each
 * connection, and sends straight from the buffer, which goes back when its send has completed.
 *
 *   echo-server <client> <connections> <bytes> <warm-up messages> <measured messages>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"

/** ringlet's default receive buffers, or as many as there are connections. */
enum { BUFFER_COUNT = 1024, BUFFER_BYTES = 4096, BUFFER_GROUP = 1, DEADLINE_SECONDS = 120 };
enum { ACCEPT = 1, RECEIVE = 2, SEND = 3 };

struct server {
  struct io_uring ring;
  struct io_uring_buf_ring* buffer_ring;
  char* buffers;
};

static uint64_t tag(unsigned kind, unsigned fd, unsigned buffer) {
  return (uint64_t)kind << 48 | (uint64_t)buffer << 32 | fd;
}

static void make_buffers(struct server* server) {
  void* ring = mmap(NULL, BUFFER_COUNT * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                    MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  server->buffers = mmap(NULL, (size_t)BUFFER_COUNT * BUFFER_BYTES, PROT_READ | PROT_WRITE,
                         MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (ring == MAP_FAILED || server->buffers == MAP_FAILED) die("mmap", -errno);
  struct io_uring_buf_reg registration = {
      .ring_addr = (uintptr_t)ring, .ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
  int result = io_uring_register_buf_ring(&server->ring, &registration, 0);
  if (result < 0) die("io_uring_register_buf_ring", result);
  server->buffer_ring = ring;
  io_uring_buf_ring_init(server->buffer_ring);
  for (unsigned i = 0; i < BUFFER_COUNT; i++)
    io_uring_buf_ring_add(server->buffer_ring, server->buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES, i,
                          io_uring_buf_ring_mask(BUFFER_COUNT), i);
  io_uring_buf_ring_advance(server->buffer_ring, BUFFER_COUNT);
}

static struct io_uring_sqe* next_entry(struct server* server) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&server->ring);
  if (sqe != NULL) return sqe;
  io_uring_submit(&server->ring);
  return io_uring_get_sqe(&server->ring);
}

static void receive(struct server* server, int fd) {
  struct io_uring_sqe* sqe = next_entry(server);
  io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = BUFFER_GROUP;
  sqe->user_data = tag(RECEIVE, (unsigned)fd, 0);
}

static int listen_on(unsigned* port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in local = {.sin_family = AF_INET};
  socklen_t bytes = sizeof local;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr*)&local, bytes) < 0 || listen(fd, 4096) < 0) die("listen", -errno);
  if (getsockname(fd, (struct sockaddr*)&local, &bytes) < 0) die("getsockname", -errno);
  *port = ntohs(local.sin_port);
  return fd;
}

/** Starts the client, which does what `control` says; see client.h. */
static pid_t start_client(char* client, unsigned port, char* connections, char* bytes, int* control) {
  char port_text[16];
  snprintf(port_text, sizeof port_text, "%u", port);
  char* arguments[] = {client, port_text, connections, bytes, NULL};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) die("pipe", -errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  pid_t child;
  int error = posix_spawn(&child, client, &actions, NULL, arguments, NULL);
  if (error != 0) die(client, -error);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[0]);
  *control = ends[1];
  return child;
}

int main(int argc, char** argv) {
  struct server server;
  unsigned bytes = number_argument(argc, argv, 3, "bytes");
  unsigned long warm_up = number_argument(argc, argv, 4, "warm-up messages");
  unsigned long measured = number_argument(argc, argv, 5, "measured messages");
  unsigned port;
  alarm(DEADLINE_SECONDS);
  make_ring(&server.ring, 2048, 8192);
  make_buffers(&server);
  int listener = listen_on(&port);
  struct io_uring_sqe* sqe = io_uring_get_sqe(&server.ring);
  io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
  sqe->user_data = tag(ACCEPT, 0, 0);
  int control;
  pid_t child = start_client(argv[1], port, argv[2], argv[3], &control);

  struct measurement measurement = {0};
  uint64_t start_ns = 0, cpu_before_us = 0;
  unsigned long echoed = 0;
  while (echoed < warm_up + measured) {
    int result = io_uring_submit_and_wait(&server.ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0, returned = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(&server.ring, head, cqe) {
      unsigned kind = (unsigned)(cqe->user_data >> 48);
      unsigned fd = (unsigned)cqe->user_data;
      unsigned buffer = (unsigned)(cqe->user_data >> 32) & 0xffff;
      seen++;
      if (kind == ACCEPT) {
        if (cqe->res < 0) die("accept", cqe->res);
        receive(&server, cqe->res);
      } else if (kind == RECEIVE) {
        if (cqe->res > 0) {
          buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
          sqe = next_entry(&server);
          char* data = server.buffers + (size_t)buffer * BUFFER_BYTES;
          io_uring_prep_send(sqe, (int)fd, data, (size_t)cqe->res, MSG_WAITALL);
          sqe->user_data = tag(SEND, fd, buffer);
        }
        if (!(cqe->flags & IORING_CQE_F_MORE) && (cqe->res > 0 || cqe->res == -ENOBUFS))
          receive(&server, (int)fd);
      } else {
        if (cqe->res != (int)bytes) die("send", cqe->res < 0 ? cqe->res : -EIO);
        char* data = server.buffers + (size_t)buffer * BUFFER_BYTES;
        io_uring_buf_ring_add(server.buffer_ring, data, BUFFER_BYTES, buffer,
                              io_uring_buf_ring_mask(BUFFER_COUNT), returned++);
        if (++echoed == warm_up) {
          start_ns = now_ns();
          cpu_before_us = cpu_us();
          if (write(control, ".", 1) < 0) die("client", -errno);
        }
      }
    }
    io_uring_buf_ring_advance(server.buffer_ring, returned);
    io_uring_cq_advance(&server.ring, seen);
  }
  measurement.elapsed_ns = now_ns() - start_ns;
  measurement.cpu_us = cpu_us() - cpu_before_us;
  measurement.operation_count = measured;
  close(control);
  int status;
  if (waitpid(child, &status, 0) < 0 || status != 0) die("client", -EIO);
  print_measurement(&measurement);
  return 0;
}
