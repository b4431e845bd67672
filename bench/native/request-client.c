/**
 * The other side of servers that answer requests: keeps some in flight on each of many connections. All
 * requests are the same, and so are the lengths of all responses: how long one is, the first says, by what
 * comes until nothing more does. When it ends, client.h says. With OVER_TLS it speaks TLS, and takes any
 * certificate.
 *
 *   request-client <port> <connections> <in flight on each> <least bytes of a response> <request>
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>

#ifdef OVER_TLS
#include <openssl/ssl.h>
#endif

#include "client.h"

enum { IN_FLIGHT_MAX = 64, BUFFER_BYTES = 1 << 18, EVENTS = 256, SILENCE_MS = 200, DEADLINE_SECONDS = 120 };
/** In the place of a connection's index. */
#define CONTROL UINT32_MAX

struct connection {
  int fd;
#ifdef OVER_TLS
  SSL* tls;
#endif
  /** Bytes of a response that is not whole. */
  size_t received;
  /** When the requests left that are in flight, the first at `first`. */
  uint64_t sent_ns[IN_FLIGHT_MAX];
  unsigned first, count;
};

static struct {
  struct connection* connections;
  unsigned connection_count, in_flight;
  /** So many times the same request, one after the other. */
  char* requests;
  size_t request_bytes, response_bytes;
  bool is_measuring;
  struct latencies latencies;
  char buffer[BUFFER_BYTES];
} client;

#ifdef OVER_TLS
static void open_transport(struct connection* connection) {
  static SSL_CTX* context;
  if (context == NULL) context = SSL_CTX_new(TLS_client_method());
  connection->tls = SSL_new(context);
  SSL_set_fd(connection->tls, connection->fd);
  if (SSL_connect(connection->tls) != 1) die("SSL_connect", -EPROTO);
}

/** Bytes, 0 at the end, or -1 where there are none yet. */
static ssize_t take(struct connection* connection) {
  int bytes = SSL_read(connection->tls, client.buffer, BUFFER_BYTES);
  if (bytes > 0) return bytes;
  return SSL_get_error(connection->tls, bytes) == SSL_ERROR_WANT_READ ? -1 : 0;
}

static bool give(struct connection* connection, const char* data, size_t bytes) {
  return SSL_write(connection->tls, data, (int)bytes) == (int)bytes;
}
#else
static void open_transport(struct connection* connection) { (void)connection; }

static ssize_t take(struct connection* connection) {
  ssize_t bytes = recv(connection->fd, client.buffer, BUFFER_BYTES, 0);
  return bytes < 0 && errno != EAGAIN ? 0 : bytes;
}

static bool give(struct connection* connection, const char* data, size_t bytes) {
  return send(connection->fd, data, bytes, 0) == (ssize_t)bytes;
}
#endif

/** Requests are short, and there is room for all of them. */
static void send_requests(struct connection* connection, unsigned count) {
  uint64_t now = now_ns();
  for (unsigned i = 0; i < count; i++)
    connection->sent_ns[(connection->first + connection->count++) % IN_FLIGHT_MAX] = now;
  if (!give(connection, client.requests, count * client.request_bytes)) die("request", -EIO);
}

/** Takes what has come, and asks anew for each response that is whole. */
static void take_responses(struct connection* connection) {
  unsigned answered = 0;
  for (;;) {
    ssize_t bytes = take(connection);
    if (bytes == 0) die("response", -EPIPE);
    if (bytes < 0) break;
    connection->received += (size_t)bytes;
  }
  uint64_t now = now_ns();
  for (; connection->received >= client.response_bytes; connection->received -= client.response_bytes) {
    if (connection->count == 0) die("response: longer than the first one", -EPROTO);
    if (client.is_measuring) add_latency(&client.latencies, connection->sent_ns[connection->first], now);
    connection->first = (connection->first + 1) % IN_FLIGHT_MAX;
    connection->count--;
    answered++;
  }
  if (answered > 0) send_requests(connection, answered);
}

/** How long a response is: at least so long, and then until nothing comes for a while. */
static size_t measure_response(struct connection* connection, size_t least_bytes) {
  size_t received = 0;
  if (!give(connection, client.requests, client.request_bytes)) die("request", -EIO);
  for (;;) {
    struct pollfd readable = {.fd = connection->fd, .events = POLLIN};
    if (poll(&readable, 1, received < least_bytes ? -1 : SILENCE_MS) == 0) return received;
    for (ssize_t bytes; (bytes = take(connection)) >= 0; received += (size_t)bytes)
      if (bytes == 0) die("response", -EPIPE);
  }
}

static void watch(int epoll, int fd, uint32_t events, unsigned index) {
  struct epoll_event event = {.events = events, .data.u32 = index};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl", -errno);
}

static void run(int epoll) {
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait", -errno);
    for (int each = 0; each < count; each++) {
      char command;
      if (events[each].data.u32 != CONTROL) {
        take_responses(&client.connections[events[each].data.u32]);
      } else if (is_over(read(STDIN_FILENO, &command, 1))) {
        return;
      } else {
        client.is_measuring = true;
      }
    }
  }
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  client.connection_count = number_argument(argc, argv, 2, "connections");
  client.in_flight = number_argument(argc, argv, 3, "in flight");
  size_t least_bytes = number_argument(argc, argv, 4, "least bytes of a response");
  if (argc < 6 || client.in_flight > IN_FLIGHT_MAX) die("request, in flight", -EINVAL);
  alarm(DEADLINE_SECONDS);
  client.request_bytes = strlen(argv[5]);
  client.requests = calloc(client.in_flight, client.request_bytes);
  client.connections = calloc(client.connection_count, sizeof *client.connections);
  if (client.requests == NULL || client.connections == NULL) die("calloc", -ENOMEM);
  for (unsigned i = 0; i < client.in_flight; i++)
    memcpy(client.requests + i * client.request_bytes, argv[5], client.request_bytes);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, STDIN_FILENO, EPOLLIN, CONTROL);
  for (unsigned i = 0; i < client.connection_count; i++) {
    struct connection* connection = &client.connections[i];
    connection->fd = connect_to(port);
    open_transport(connection);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    if (i == 0) client.response_bytes = measure_response(connection, least_bytes);
    watch(epoll, connection->fd, EPOLLIN | EPOLLET, i);
  }
  for (unsigned i = 0; i < client.connection_count; i++)
    send_requests(&client.connections[i], client.in_flight);
  run(epoll);
  print_latencies(&client.latencies);
  return 0;
}
