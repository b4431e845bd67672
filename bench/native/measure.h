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

enum { LATENCIES_MAX = 1 << 20 };

/** How long operations took; more than there is room for, and the first ones are forgotten. */
struct latencies {
  float us[LATENCIES_MAX];
  uint64_t count;
};

static inline void add_latency(struct latencies* latencies, uint64_t start_ns, uint64_t end_ns) {
  latencies->us[latencies->count++ % LATENCIES_MAX] = (float)(end_ns - start_ns) / 1000;
}

static inline int compare_floats(const void* a, const void* b) {
  float left = *(const float*)a, right = *(const float*)b;
  return (left > right) - (left < right);
}

/** As bench/latency.ts has it; nothing where there are none. */
static inline void print_latencies(struct latencies* latencies) {
  size_t count = latencies->count < LATENCIES_MAX ? latencies->count : LATENCIES_MAX;
  if (count == 0) return;
  qsort(latencies->us, count, sizeof *latencies->us, compare_floats);
  const char* names[] = {"p50", "p90", "p99", "p999"};
  const size_t thousandths[] = {500, 900, 990, 999};
  printf("{\"latencyUs\":{");
  for (unsigned i = 0; i < 4; i++) {
    size_t rank = (count * thousandths[i] + 999) / 1000;
    printf("%s\"%s\":%.3f", i == 0 ? "" : ",", names[i], (double)latencies->us[rank - 1]);
  }
  printf("}}\n");
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
