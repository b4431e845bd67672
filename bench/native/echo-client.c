/**
 * The other side of the echo servers: keeps one message in flight on each of many connections, and checks
 * that what comes back has the right length. Idle connections are made before, and say nothing. Where
 * io_uring is refused it runs on epoll. When it ends, client.h says.
 *
 *   echo-client <port> <connections> <bytes> [<idle connections>]
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "client.h"
#include "ring.h"

enum { MESSAGE_BYTES_MAX = 4096, DEADLINE_SECONDS = 120 };
/** In the place of a connection's index. */
#define CONTROL UINT32_MAX

static char payload[MESSAGE_BYTES_MAX];

/** The connections, what has come on each, and when its message left. */
struct client {
  int* fds;
  char* buffers;
  unsigned* received;
  uint64_t* sent_ns;
  unsigned connections, bytes;
  int is_measuring;
  struct latencies latencies;
};

static char* buffer_of(const struct client* client, unsigned index) {
  return client->buffers + (size_t)index * client->bytes;
}

static void note_echo(struct client* client, unsigned index, uint64_t now) {
  if (client->is_measuring) add_latency(&client->latencies, client->sent_ns[index], now);
}

/** One message and its echo: a send, and linked to it the receive of all of it. */
static void exchange(struct client* client, struct io_uring* ring, unsigned index) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
  io_uring_prep_send(sqe, client->fds[index], payload, client->bytes, MSG_WAITALL);
  sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = index;
  sqe = io_uring_get_sqe(ring);
  io_uring_prep_recv(sqe, client->fds[index], buffer_of(client, index), client->bytes, MSG_WAITALL);
  sqe->user_data = index;
  client->sent_ns[index] = now_ns();
}

static void await_control(struct io_uring* ring, char* command) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(ring);
  io_uring_prep_read(sqe, STDIN_FILENO, command, 1, -1);
  sqe->user_data = CONTROL;
}

static void run_on_ring(struct client* client, struct io_uring* ring) {
  char command;
  int has_ended = 0;
  await_control(ring, &command);
  for (unsigned i = 0; i < client->connections; i++) exchange(client, ring, i);
  while (!has_ended) {
    int result = io_uring_submit_and_wait(ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0;
    uint64_t now = now_ns();
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(ring, head, cqe) {
      unsigned i = (unsigned)cqe->user_data;
      seen++;
      if (i == CONTROL) {
        has_ended = is_over(cqe->res);
        client->is_measuring = 1;
        await_control(ring, &command);
        continue;
      }
      if (cqe->res != (int)client->bytes) die("echo", cqe->res < 0 ? cqe->res : -EIO);
      note_echo(client, i, now);
      exchange(client, ring, i);
    }
    io_uring_cq_advance(ring, seen);
  }
}

static void send_message(struct client* client, unsigned index) {
  client->received[index] = 0;
  client->sent_ns[index] = now_ns();
  // A message is short and the only one, so there is room for all of it.
  ssize_t sent = send(client->fds[index], payload, client->bytes, 0);
  if (sent != (ssize_t)client->bytes) die("send", sent < 0 ? -errno : -EIO);
}

static void watch(int epoll, int fd, uint32_t events, unsigned index) {
  struct epoll_event event = {.events = events, .data.u32 = index};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl", -errno);
}

static void take_echo(struct client* client, unsigned index) {
  unsigned missing = client->bytes - client->received[index];
  ssize_t bytes = recv(client->fds[index], buffer_of(client, index), missing, MSG_DONTWAIT);
  if (bytes < 0 && errno == EAGAIN) return;
  if (bytes <= 0) die("echo", bytes < 0 ? -errno : -EIO);
  client->received[index] += (unsigned)bytes;
  if (client->received[index] < client->bytes) return;
  note_echo(client, index, now_ns());
  send_message(client, index);
}

static void run_on_epoll(struct client* client) {
  enum { EVENTS = 256 };
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, STDIN_FILENO, EPOLLIN, CONTROL);
  for (unsigned i = 0; i < client->connections; i++) {
    watch(epoll, client->fds[i], EPOLLIN | EPOLLET, i);
    send_message(client, i);
  }
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait", -errno);
    for (int each = 0; each < count; each++) {
      char command;
      if (events[each].data.u32 != CONTROL) {
        take_echo(client, events[each].data.u32);
      } else if (is_over(read(STDIN_FILENO, &command, 1))) {
        close(epoll);
        return;
      } else {
        client->is_measuring = 1;
      }
    }
  }
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  static struct client client;
  client.connections = number_argument(argc, argv, 2, "connections");
  client.bytes = number_argument(argc, argv, 3, "bytes");
  unsigned long idle = argc > 4 ? number_argument(argc, argv, 4, "idle connections") : 0;
  if (client.bytes > MESSAGE_BYTES_MAX) die("bytes", -EINVAL);
  alarm(DEADLINE_SECONDS);
  struct io_uring ring;
  int is_refused = try_ring(&ring, 2048, 8192) < 0;
  client.fds = calloc(client.connections, sizeof *client.fds);
  client.received = calloc(client.connections, sizeof *client.received);
  client.sent_ns = calloc(client.connections, sizeof *client.sent_ns);
  client.buffers = calloc(client.connections, client.bytes);
  if (!client.fds || !client.received || !client.sent_ns || !client.buffers) die("calloc", -ENOMEM);
  for (unsigned long i = 0; i < idle; i++) connect_to(port);
  for (unsigned i = 0; i < client.connections; i++) client.fds[i] = connect_to(port);
  if (is_refused) {
    run_on_epoll(&client);
  } else {
    run_on_ring(&client, &ring);
  }
  print_latencies(&client.latencies);
  return 0;
}
