// CHECK stops the process when our own code has broken an invariant; no user input may reach one.
#ifndef RINGLET_CHECK_H_
#define RINGLET_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define RINGLET_CHECK(condition)                                                                      \
  do {                                                                                                \
    if (!(condition)) [[unlikely]] {                                                                  \
      std::fprintf(stderr, "ringlet: %s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                   \
    }                                                                                                 \
  } while (0)

#endif  // RINGLET_CHECK_H_
