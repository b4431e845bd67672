#!/usr/bin/env bash
# io_uring: IORING_OP_OPENAT of a FIFO does not wait for the other side, as open(2) does.
# The kernel makes its first attempt with O_NONBLOCK, and for a FIFO that attempt is no EAGAIN: a reader is opened
# at once, and a writer without a reader gets ENXIO although nobody asked for O_NONBLOCK. With IOSQE_ASYNC the
# request goes to a worker, which waits as open(2) does.
# Seen on Linux 6.18. Needs gcc and Linux's own headers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/open.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring;
static struct io_uring_params setup;
static struct io_uring_sqe *entries;
static char *submissions, *completions;

static unsigned *word(char *queue, unsigned offset) { return (unsigned *)(queue + offset); }

// The result of an open by the ring, or 1000 when there is none within half a second.
static int open_by_ring(const char *path, int flags, unsigned entry_flags) {
  unsigned *tail = word(submissions, setup.sq_off.tail);
  unsigned index = *tail & *word(submissions, setup.sq_off.ring_mask);
  memset(&entries[index], 0, sizeof entries[index]);
  entries[index].opcode = IORING_OP_OPENAT;
  entries[index].fd = AT_FDCWD;
  entries[index].addr = (uintptr_t)path;
  entries[index].open_flags = flags;
  entries[index].flags = entry_flags;
  word(submissions, setup.sq_off.array)[index] = index;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1) return 2000;
  struct pollfd ready = {.fd = ring, .events = POLLIN};
  if (poll(&ready, 1, 500) != 1) return 1000;
  unsigned *head = word(completions, setup.cq_off.head);
  struct io_uring_cqe *all = (struct io_uring_cqe *)(completions + setup.cq_off.cqes);
  int result = all[*head & *word(completions, setup.cq_off.ring_mask)].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

static void *map(size_t bytes, long long offset) {
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
}

int main(int count, char **arguments) {
  (void)count;
  const char *path = arguments[1];
  ring = syscall(SYS_io_uring_setup, 8, &setup);
  if (ring < 0) return puts("skipped: no io_uring here"), 77;
  submissions = map(setup.sq_off.array + setup.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
  completions = map(setup.cq_off.cqes + setup.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
  entries = map(setup.sq_entries * sizeof *entries, IORING_OFF_SQES);
  if (mkfifo(path, 0600) != 0) return 1;

  int writer = open_by_ring(path, O_WRONLY, 0);
  printf("open for writing, no reader: %s\n", writer == -ENXIO ? "ENXIO" : writer == 1000 ? "waits" : "another result");
  int reader = open_by_ring(path, O_RDONLY, 0);
  printf("open for reading, no writer: %s\n", reader == 1000 ? "waits" : reader >= 0 ? "opened at once" : "an error");
  if (reader >= 0) {
    printf("O_NONBLOCK in its flags: %s\n", fcntl(reader, F_GETFL) & O_NONBLOCK ? "yes" : "no");
    close(reader);
  }
  int asked = open_by_ring(path, O_RDONLY, IOSQE_ASYNC);
  printf("the same with IOSQE_ASYNC: %s\n", asked == 1000 ? "waits" : "ends at once");
  return 0;
}
C
gcc -O1 -o "$folder/open" "$folder/open.c"
echo "Linux $(uname -r)"
status=0
seen=$("$folder/open" "$folder/fifo") || status=$?
echo "$seen"
[ "$status" -ne 77 ] || exit 77
expected='open for writing, no reader: ENXIO
open for reading, no writer: opened at once
O_NONBLOCK in its flags: no
the same with IOSQE_ASYNC: waits'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
