/**
 * Sends numbered datagrams to a port of 127.0.0.1, each at its time, and then some that mark the end.
 * The first four bytes of each are its number from 0, or 0xffffffff, little-endian, and eight from the eighth
 * on the CLOCK_MONOTONIC nanoseconds at which it left. Needs no liburing.
 *
 *   send-steadily <port> <count> <bytes> <a second>
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

/** The receiver may lose some, and then needs another. */
enum { END_MARKS = 50, END_INTERVAL_US = 2000, START_DELAY_US = 100000 };

static double since_1970_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

int main(int argc, char** argv) {
  unsigned port = number_argument(argc, argv, 1, "port");
  uint32_t count = number_argument(argc, argv, 2, "count");
  size_t bytes = number_argument(argc, argv, 3, "bytes");
  uint64_t rate = number_argument(argc, argv, 4, "a second");
  if (bytes < 2 * sizeof(uint64_t)) die("bytes: no room for number and time", -EINVAL);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr*)&to, sizeof to) < 0) die("connect", -errno);
  // A receiver that was killed wants no more.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char* payload = calloc(1, bytes);
  usleep(START_DELAY_US);
  uint64_t start_ns = now_ns();
  for (uint32_t i = 0; i < count; i++) {
    uint64_t due_ns = start_ns + (uint64_t)i * 1000000000u / rate;
    while (now_ns() < due_ns) {
    }
    double left_ms = since_1970_ms();
    memcpy(payload, &i, sizeof i);
    memcpy(payload + sizeof left_ms, &left_ms, sizeof left_ms);
    send(fd, payload, bytes, 0);
  }
  memset(payload, 0xff, sizeof(uint32_t));
  // Refused once the receiver is through.
  for (int i = 0; i < END_MARKS && send(fd, payload, bytes, 0) >= 0; i++) usleep(END_INTERVAL_US);
  return 0;
}
