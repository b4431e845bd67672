/**
 * Many small files on liburing, a fixed number at a time. readFile: each opened into a slot of the file
 * table, read, read once more to find the end, and closed, in one link; the content goes to memory of its
 * own. stat: statx. writeFile: files that are not there yet, each opened, written and closed in one link.
 *
 *   small-files readFile|stat|writeFile <directory> <files> <in flight> <passes>
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring.h"

#define SLOTS 64
#define FIRST_BYTES 49152
#define SLAB_BYTES 65536

enum call { READ_FILE, STAT, WRITE_FILE };

struct reader {
  struct io_uring ring;
  enum call call;
  const char* directory;
  unsigned file_count;
  char (*paths)[256];
  char* slabs;
  int first_read[SLOTS];
  struct statx stats[SLOTS];
};

static struct io_uring_sqe* next_entry(struct reader* reader, unsigned slot, unsigned step) {
  struct io_uring_sqe* sqe = io_uring_get_sqe(&reader->ring);
  if (sqe == NULL) die("io_uring_get_sqe", -EAGAIN);
  sqe->user_data = slot * 4 + step;
  return sqe;
}

/** As bench/cases/small-files.ts has it. */
static unsigned bytes_of(unsigned index) { return 1024 + (index * 7919) % 3073; }

static void queue_stat(struct reader* reader, unsigned slot, unsigned index) {
  struct io_uring_sqe* sqe = next_entry(reader, slot, 3);
  io_uring_prep_statx(sqe, AT_FDCWD, reader->paths[index], 0, STATX_BASIC_STATS | STATX_BTIME,
                      &reader->stats[slot]);
  sqe->user_data = slot * 4 + 3;
}

static void queue_write(struct reader* reader, unsigned slot, unsigned index) {
  struct io_uring_sqe* sqe = next_entry(reader, slot, 0);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, reader->paths[index], O_WRONLY | O_CREAT | O_TRUNC, 0666, slot);
  sqe->user_data = slot * 4;
  sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  sqe = next_entry(reader, slot, 1);
  io_uring_prep_write(sqe, slot, reader->slabs + (size_t)slot * SLAB_BYTES, bytes_of(index), -1);
  sqe->user_data = slot * 4 + 1;
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  sqe = next_entry(reader, slot, 3);
  io_uring_prep_close_direct(sqe, slot);
  sqe->user_data = slot * 4 + 3;
}

static void queue_read(struct reader* reader, unsigned slot, unsigned index) {
  char* slab = reader->slabs + (size_t)slot * SLAB_BYTES;
  struct io_uring_sqe* sqe = next_entry(reader, slot, 0);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, reader->paths[index], O_RDONLY, 0, slot);
  sqe->user_data = slot * 4;
  sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  sqe = next_entry(reader, slot, 1);
  io_uring_prep_read(sqe, slot, slab, FIRST_BYTES, -1);
  sqe->user_data = slot * 4 + 1;
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK;
  sqe = next_entry(reader, slot, 2);
  io_uring_prep_read(sqe, slot, slab + FIRST_BYTES, SLAB_BYTES - FIRST_BYTES, -1);
  sqe->user_data = slot * 4 + 2;
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK;
  sqe = next_entry(reader, slot, 3);
  io_uring_prep_close_direct(sqe, slot);
  sqe->user_data = slot * 4 + 3;
}

static void queue_file(struct reader* reader, unsigned slot, unsigned index) {
  if (io_uring_sq_space_left(&reader->ring) < 4) io_uring_submit(&reader->ring);
  if (reader->call == READ_FILE) queue_read(reader, slot, index);
  if (reader->call == STAT) queue_stat(reader, slot, index);
  if (reader->call == WRITE_FILE) queue_write(reader, slot, index);
}

static void go_through(struct reader* reader, unsigned in_flight) {
  unsigned next = 0, pending = 0;
  while (pending < in_flight && next < reader->file_count) queue_file(reader, pending++, next++);
  while (pending > 0) {
    int result = io_uring_submit_and_wait(&reader->ring, 1);
    if (result < 0 && result != -EINTR) die("io_uring_enter", result);
    unsigned head, seen = 0;
    struct io_uring_cqe* cqe;
    unsigned free_slots[SLOTS], free_count = 0;
    io_uring_for_each_cqe(&reader->ring, head, cqe) {
      unsigned slot = cqe->user_data / 4, step = cqe->user_data % 4;
      if (cqe->res < 0) die("file", cqe->res);
      if (step == 1) reader->first_read[slot] = cqe->res;
      if (step == 2) {
        if (cqe->res != 0) die("read: more than expected", -EIO);
        char* content = malloc(reader->first_read[slot]);
        memcpy(content, reader->slabs + (size_t)slot * SLAB_BYTES, reader->first_read[slot]);
        __asm__ volatile("" : : "g"(content) : "memory");
        free(content);
      }
      if (step == 3) free_slots[free_count++] = slot;
      seen++;
    }
    io_uring_cq_advance(&reader->ring, seen);
    while (free_count > 0) {
      unsigned slot = free_slots[--free_count];
      if (next < reader->file_count)
        queue_file(reader, slot, next++);
      else
        pending--;
    }
  }
}

/** The paths of all files, in the directory or in one of the pass's own. */
static void name_files(struct reader* reader, const char* directory) {
  for (unsigned i = 0; i < reader->file_count; i++)
    snprintf(reader->paths[i], sizeof *reader->paths, "%s/f%u", directory, i);
}

/** Once through all files; adds to `measurement` unless that is NULL. */
static void make_pass(struct reader* reader, unsigned in_flight, struct measurement* measurement) {
  char fresh[200];
  bool is_writing = reader->call == WRITE_FILE;
  if (is_writing) {
    snprintf(fresh, sizeof fresh, "%s/written-XXXXXX", reader->directory);
    if (mkdtemp(fresh) == NULL) die(fresh, -errno);
    name_files(reader, fresh);
  }
  uint64_t cpu_before_us = cpu_us();
  uint64_t start_ns = now_ns();
  go_through(reader, in_flight);
  if (measurement != NULL) {
    measurement->operation_count += reader->file_count;
    measurement->elapsed_ns += now_ns() - start_ns;
    measurement->cpu_us += cpu_us() - cpu_before_us;
  }
}

static enum call call_named(const char* name) {
  if (strcmp(name, "readFile") == 0) return READ_FILE;
  if (strcmp(name, "stat") == 0) return STAT;
  if (strcmp(name, "writeFile") == 0) return WRITE_FILE;
  die(name, -EINVAL);
  return READ_FILE;
}

int main(int argc, char** argv) {
  struct reader reader = {0};
  if (argc < 3) die("a call and a directory", -EINVAL);
  reader.call = call_named(argv[1]);
  reader.directory = argv[2];
  reader.file_count = number_argument(argc, argv, 3, "files");
  unsigned in_flight = number_argument(argc, argv, 4, "in flight");
  unsigned pass_count = number_argument(argc, argv, 5, "passes");
  if (in_flight > SLOTS) die("in flight", -EINVAL);
  reader.paths = malloc(reader.file_count * sizeof *reader.paths);
  name_files(&reader, reader.directory);
  reader.slabs = aligned_alloc(4096, (size_t)SLOTS * SLAB_BYTES);
  memset(reader.slabs, 'x', (size_t)SLOTS * SLAB_BYTES);
  make_ring(&reader.ring, 256, 4096);
  int registered = io_uring_register_files_sparse(&reader.ring, SLOTS);
  if (registered < 0) die("io_uring_register", registered);

  make_pass(&reader, in_flight, NULL);
  struct measurement measurement = {0};
  for (unsigned pass = 0; pass < pass_count; pass++) make_pass(&reader, in_flight, &measurement);
  print_measurement(&measurement);
  return 0;
}
