/**
 * The ring that the C baselines on liburing run on: the flags of ringlet's `loop` profile, and its ring
 * descriptor registered, so that the difference measured is the language's and not the ring's.
 */
#ifndef RINGLET_BENCH_RING_H_
#define RINGLET_BENCH_RING_H_

#include <liburing.h>

#include "measure.h"

/** bench/workload.ts: the status of a program that cannot run on this machine. */
#define UNAVAILABLE_STATUS 3

/** Returns -errno where the kernel refuses one. */
static inline int try_ring(struct io_uring* ring, unsigned entries, unsigned completion_entries) {
  struct io_uring_params params = {0};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  params.cq_entries = completion_entries;
  int result = io_uring_queue_init_params(entries, ring, &params);
  if (result == 0) io_uring_register_ring_fd(ring);
  return result;
}

static inline void make_ring(struct io_uring* ring, unsigned entries, unsigned completion_entries) {
  int result = try_ring(ring, entries, completion_entries);
  if (result == 0) return;
  fprintf(stderr, "io_uring_setup: %s\n", strerror(-result));
  exit(UNAVAILABLE_STATUS);
}

#endif
