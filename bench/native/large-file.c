/**
 * A large warm file on liburing: read whole into fresh memory of huge pages, several parts at once on the
 * kernel's threads; streamed through one buffer, a part after the other; or copied by copy_file_range(2).
 *
 *   large-file readFile|createReadStream|copyFile <path> <file bytes> <passes>
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring.h"

#define PART_BYTES (4u << 20)
#define PARTS_AT_ONCE 4
#define CHUNK_BYTES 65536
#define HUGE_PAGE_BYTES (2ul << 20)

static struct io_uring ring;

static void queue_read(int fd, void* into, unsigned bytes, uint64_t position, unsigned flags) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&ring);
  if (sqe == NULL) die("io_uring_get_sqe", -EAGAIN);
  io_uring_prep_read(sqe, fd, into, bytes, position);
  sqe->flags |= flags;
  sqe->user_data = bytes;
}

/** Waits for one read at least; returns how many have ended. */
static unsigned reap(void) {
  int result = io_uring_submit_and_wait(&ring, 1);
  if (result < 0 && result != -EINTR) die("io_uring_enter", result);
  unsigned head, seen = 0;
  struct io_uring_cqe* cqe;
  io_uring_for_each_cqe(&ring, head, cqe) {
    if (cqe->res < 0) die("read", cqe->res);
    if ((uint64_t)cqe->res != cqe->user_data) die("read: fewer bytes than there are", -EIO);
    seen++;
  }
  io_uring_cq_advance(&ring, seen);
  return seen;
}

static void read_whole(int fd, uint64_t file_bytes) {
  size_t mapped_bytes = file_bytes + HUGE_PAGE_BYTES;
  char* mapped = mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) die("mmap", -errno);
  char* content = (char*)(((uintptr_t)mapped + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1));
  madvise(content, file_bytes, MADV_HUGEPAGE);
  uint64_t next = 0;
  unsigned pending = 0;
  while (next < file_bytes || pending > 0) {
    for (; pending < PARTS_AT_ONCE && next < file_bytes; pending++) {
      unsigned bytes = file_bytes - next < PART_BYTES ? (unsigned)(file_bytes - next) : PART_BYTES;
      queue_read(fd, content + next, bytes, next, IOSQE_ASYNC);
      next += bytes;
    }
    pending -= reap();
  }
  munmap(mapped, mapped_bytes);
}

static void stream(int fd, uint64_t file_bytes) {
  static char chunk[CHUNK_BYTES];
  for (uint64_t at = 0; at < file_bytes; at += CHUNK_BYTES) {
    uint64_t left = file_bytes - at;
    queue_read(fd, chunk, left < CHUNK_BYTES ? (unsigned)left : CHUNK_BYTES, at, 0);
    while (reap() == 0) continue;
  }
}

static void copy(int fd, const char* path, uint64_t file_bytes) {
  int to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (to < 0) die(path, -errno);
  off64_t from_at = 0;
  while ((uint64_t)from_at < file_bytes) {
    ssize_t bytes = copy_file_range(fd, &from_at, to, NULL, file_bytes - (uint64_t)from_at, 0);
    if (bytes <= 0) die("copy_file_range", bytes < 0 ? -errno : -EIO);
  }
  close(to);
}

int main(int argc, char** argv) {
  if (argc < 3) die("a call and a path", -EINVAL);
  const char* call = argv[1];
  const char* path = argv[2];
  uint64_t file_bytes = number_argument(argc, argv, 3, "file bytes");
  unsigned pass_count = number_argument(argc, argv, 4, "passes");
  char copy_path[4096];
  snprintf(copy_path, sizeof copy_path, "%s.copy", path);
  int fd = open(path, O_RDONLY);
  if (fd < 0) die(path, -errno);
  make_ring(&ring, 64, 256);
  struct measurement measurement = {.operation_count = (file_bytes >> 20) * pass_count};
  for (unsigned pass = 0; pass <= pass_count; pass++) {
    unlink(copy_path);
    uint64_t cpu_before_us = cpu_us();
    uint64_t start_ns = now_ns();
    if (strcmp(call, "readFile") == 0)
      read_whole(fd, file_bytes);
    else if (strcmp(call, "createReadStream") == 0)
      stream(fd, file_bytes);
    else
      copy(fd, copy_path, file_bytes);
    if (pass == 0) continue;
    measurement.elapsed_ns += now_ns() - start_ns;
    measurement.cpu_us += cpu_us() - cpu_before_us;
  }
  unlink(copy_path);
  print_measurement(&measurement);
  return 0;
}
