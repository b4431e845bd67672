/**
 * The ring that the C baselines on liburing run on: the flags of ringlet's `loop` profile, and its ring
 * descriptor registered, so that the difference measured is the language's and not the ring's.
 */
#ifndef RINGLET_BENCH_RING_H_
#define RINGLET_BENCH_RING_H_

#include <liburing.h>

#include "measure.h"

static inline void make_ring(struct io_uring* ring, unsigned entries, unsigned completion_entries) {
  struct io_uring_params params = {0};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  params.cq_entries = completion_entries;
  int result = io_uring_queue_init_params(entries, ring, &params);
  if (result < 0) die("io_uring_setup", result);
  io_uring_register_ring_fd(ring);
}

#endif
