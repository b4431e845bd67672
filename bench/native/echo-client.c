/**
 * The other side of the echo servers: keeps one message in flight on each of many connections, checks that
 * what comes back has the right length, and ends after so many of them. Idle connections are made before,
 * and say nothing. Where io_uring is refused it runs on epoll.
 *
 *   echo-client <port> <connections> <bytes> <messages> [<idle connections>]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
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

/** The connections, what has come on each, and how many messages are to be sent on all. */
struct client {
  int* fds;
  char* buffers;
  unsigned* received;
  unsigned connections, bytes;
  unsigned long messages, begun;
};

static char* buffer_of(const struct client* client, unsigned index) {
  return client->buffers + (size_t)index * client->bytes;
}

static void run_on_ring(struct client* client, struct io_uring* ring) {
  unsigned long done = 0;
  for (unsigned i = 0; i < client->connections && client->begun < client->messages; i++, client->begun++)
    exchange(ring, client->fds[i], buffer_of(client, i), client->bytes, i);
  while (done < client->messages) {
    int result = io_uring_submit_and_wait(ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(ring, head, cqe) {
      unsigned i = (unsigned)cqe->user_data;
      if (cqe->res != (int)client->bytes) die("echo", cqe->res < 0 ? cqe->res : -EIO);
      seen++;
      done++;
      if (client->begun < client->messages) {
        exchange(ring, client->fds[i], buffer_of(client, i), client->bytes, i);
        client->begun++;
      }
    }
    io_uring_cq_advance(ring, seen);
  }
}

static void send_message(struct client* client, unsigned index) {
  if (client->begun == client->messages) return;
  client->begun++;
  client->received[index] = 0;
  // A message is short and the only one, so there is room for all of it.
  ssize_t sent = send(client->fds[index], payload, client->bytes, 0);
  if (sent != (ssize_t)client->bytes) die("send", sent < 0 ? -errno : -EIO);
}

static void run_on_epoll(struct client* client) {
  enum { EVENTS = 256 };
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  unsigned long done = 0;
  for (unsigned i = 0; i < client->connections; i++) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->fds[i], &event) < 0) die("epoll_ctl", -errno);
    send_message(client, i);
  }
  while (done < client->messages) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait", -errno);
    for (int each = 0; each < count; each++) {
      unsigned i = events[each].data.u32;
      unsigned missing = client->bytes - client->received[i];
      ssize_t bytes = recv(client->fds[i], buffer_of(client, i), missing, MSG_DONTWAIT);
      if (bytes < 0 && errno == EAGAIN) continue;
      if (bytes <= 0) die("echo", bytes < 0 ? -errno : -EIO);
      client->received[i] += (unsigned)bytes;
      if (client->received[i] < client->bytes) continue;
      done++;
      send_message(client, i);
    }
  }
  close(epoll);
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  struct client client = {
      .connections = number_argument(argc, argv, 2, "connections"),
      .bytes = number_argument(argc, argv, 3, "bytes"),
      .messages = number_argument(argc, argv, 4, "messages"),
  };
  unsigned long idle = argc > 5 ? number_argument(argc, argv, 5, "idle connections") : 0;
  if (client.bytes > MESSAGE_BYTES_MAX) die("bytes", -EINVAL);
  alarm(DEADLINE_SECONDS);
  struct io_uring ring;
  int is_refused = try_ring(&ring, 2048, 8192) < 0;
  client.fds = calloc(client.connections, sizeof *client.fds);
  client.received = calloc(client.connections, sizeof *client.received);
  client.buffers = calloc(client.connections, client.bytes);
  if (client.fds == NULL || client.received == NULL || client.buffers == NULL) die("calloc", -ENOMEM);
  for (unsigned long i = 0; i < idle; i++) connect_to(port);
  for (unsigned i = 0; i < client.connections; i++) client.fds[i] = connect_to(port);
  if (is_refused) {
    run_on_epoll(&client);
  } else {
    run_on_ring(&client, &ring);
  }
  for (unsigned i = 0; i < client.connections; i++) close(client.fds[i]);
  return 0;
}
