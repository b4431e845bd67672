/**
 * Receiving datagrams by one multishot recvmsg with provided buffers, on liburing: what the C baselines of
 * UDP receive share.
 */
#ifndef RINGLET_BENCH_RECEIVER_H_
#define RINGLET_BENCH_RECEIVER_H_

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "ring.h"

/** ringlet's default receive buffers. */
enum { BUFFER_COUNT = 256, BUFFER_BYTES = 4096, BUFFER_GROUP = 1 };

struct receiver {
  struct io_uring ring;
  struct io_uring_buf_ring* buffer_ring;
  char* buffers;
  struct msghdr header;
};

static inline void make_buffers(struct receiver* receiver) {
  size_t bytes = (size_t)BUFFER_COUNT * BUFFER_BYTES;
  void* ring = mmap(NULL, BUFFER_COUNT * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                    MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  receiver->buffers =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE | MAP_POPULATE, -1, 0);
  if (ring == MAP_FAILED || receiver->buffers == MAP_FAILED) die("mmap", -errno);
  struct io_uring_buf_reg registration = {
      .ring_addr = (uintptr_t)ring, .ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
  int result = io_uring_register_buf_ring(&receiver->ring, &registration, 0);
  if (result < 0) die("io_uring_register_buf_ring", result);
  receiver->buffer_ring = ring;
  io_uring_buf_ring_init(receiver->buffer_ring);
  for (unsigned i = 0; i < BUFFER_COUNT; i++)
    io_uring_buf_ring_add(receiver->buffer_ring, receiver->buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES, i,
                          io_uring_buf_ring_mask(BUFFER_COUNT), i);
  io_uring_buf_ring_advance(receiver->buffer_ring, BUFFER_COUNT);
}

static inline int bind_socket(int receive_buffer_bytes, unsigned* port) {
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

static inline void arm(struct receiver* receiver, int fd) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&receiver->ring);
  io_uring_prep_recvmsg_multishot(sqe, fd, &receiver->header, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = BUFFER_GROUP;
}

/** Gives back the buffer of what one completion brought, and returns the number that the payload begins with. */
static inline uint32_t take(struct receiver* receiver, const struct io_uring_cqe* cqe, unsigned offset) {
  unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
  char* buffer = receiver->buffers + (size_t)index * BUFFER_BYTES;
  struct io_uring_recvmsg_out* out = io_uring_recvmsg_validate(buffer, cqe->res, &receiver->header);
  if (out == NULL) die("recvmsg: no room", -EMSGSIZE);
  uint32_t number;
  memcpy(&number, io_uring_recvmsg_payload(out, &receiver->header), sizeof number);
  io_uring_buf_ring_add(receiver->buffer_ring, buffer, BUFFER_BYTES, index, io_uring_buf_ring_mask(BUFFER_COUNT),
                        offset);
  return number;
}

#endif
