/**
 * Random reads of a warm file on liburing, a fixed number in flight: the limit of a ring on this machine.
 *
 *   random-read <path> <block bytes> <in flight> <warm-up ms> <measured ms>
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring.h"

struct reader {
  struct io_uring ring;
  int fd;
  unsigned in_flight;
  unsigned block_bytes;
  uint32_t block_count;
  uint32_t random;
  char* buffers;
};

static void read_through(const char* path) {
  char block[65536];
  int fd = open(path, O_RDONLY);
  if (fd < 0) die(path, -errno);
  while (read(fd, block, sizeof block) > 0) continue;
  close(fd);
}

/** The same generator as bench/cases/random-read.ts. */
static uint64_t next_position(struct reader* reader) {
  uint32_t x = reader->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  reader->random = x;
  return (uint64_t)(x % reader->block_count) * reader->block_bytes;
}

static void queue_read(struct reader* reader, uint64_t buffer_index) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&reader->ring);
  if (sqe == NULL) {
    // More in flight than the queue has entries.
    io_uring_submit(&reader->ring);
    sqe = io_uring_get_sqe(&reader->ring);
  }
  char* buffer = reader->buffers + buffer_index * reader->block_bytes;
  io_uring_prep_read(sqe, reader->fd, buffer, reader->block_bytes, next_position(reader));
  sqe->user_data = buffer_index;
}

static uint64_t read_for(struct reader* reader, uint64_t duration_ns) {
  uint64_t count = 0;
  uint64_t deadline = now_ns() + duration_ns;
  unsigned pending = reader->in_flight;
  for (unsigned i = 0; i < reader->in_flight; i++) queue_read(reader, i);
  while (pending > 0) {
    int result = io_uring_submit_and_wait(&reader->ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    int is_over = now_ns() >= deadline;
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    io_uring_for_each_cqe(&reader->ring, head, cqe) {
      if (cqe->res < 0) die("read", cqe->res);
      if ((unsigned)cqe->res != reader->block_bytes) die("read: short", -EIO);
      if (is_over)
        pending--;
      else
        queue_read(reader, cqe->user_data);
      seen++;
    }
    io_uring_cq_advance(&reader->ring, seen);
    count += seen;
  }
  return count;
}

int main(int argc, char** argv) {
  struct reader reader = {.random = 0x9e3779b9u};
  const char* path = argc > 1 ? argv[1] : "";
  reader.block_bytes = number_argument(argc, argv, 2, "block bytes");
  reader.in_flight = number_argument(argc, argv, 3, "in flight");
  uint64_t warm_up_ns = number_argument(argc, argv, 4, "warm-up ms") * 1000000ull;
  uint64_t measured_ns = number_argument(argc, argv, 5, "measured ms") * 1000000ull;

  reader.fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (reader.fd < 0 || fstat(reader.fd, &status) < 0) die(path, -errno);
  reader.block_count = status.st_size / reader.block_bytes;
  reader.buffers = aligned_alloc(4096, (size_t)reader.in_flight * reader.block_bytes);
  memset(reader.buffers, 0, (size_t)reader.in_flight * reader.block_bytes);
  make_ring(&reader.ring, 256, 4096);

  read_through(path);
  read_for(&reader, warm_up_ns);
  uint64_t cpu_before_us = cpu_us();
  uint64_t start_ns = now_ns();
  struct measurement measurement = {.operation_count = read_for(&reader, measured_ns)};
  measurement.elapsed_ns = now_ns() - start_ns;
  measurement.cpu_us = cpu_us() - cpu_before_us;
  print_measurement(&measurement);
  return 0;
}
