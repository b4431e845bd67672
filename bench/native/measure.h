/**
 * What every C baseline shares: clocks, processor time, and the one line of JSON that bench/launch.ts reads.
 */
#ifndef RINGLET_BENCH_MEASURE_H_
#define RINGLET_BENCH_MEASURE_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct measurement {
  uint64_t operation_count;
  uint64_t elapsed_ns;
  uint64_t cpu_us;
};

static inline uint64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/** Of every thread of the process, the kernel's SQ and worker threads included. */
static inline uint64_t cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static inline void print_measurement(const struct measurement* m) {
  printf("{\"operationCount\":%llu,\"elapsedNs\":%llu,\"cpuUs\":%llu}\n",
         (unsigned long long)m->operation_count, (unsigned long long)m->elapsed_ns,
         (unsigned long long)m->cpu_us);
}

/** Ends the program with what was being done and the kernel's answer, given as -errno. */
static inline void die(const char* what, int negative_errno) {
  fprintf(stderr, "%s: %s\n", what, strerror(-negative_errno));
  exit(1);
}

static inline unsigned long number_argument(int argc, char** argv, int index, const char* name) {
  if (index >= argc) {
    fprintf(stderr, "missing argument %d: %s\n", index, name);
    exit(2);
  }
  return strtoul(argv[index], NULL, 10);
}

#endif
