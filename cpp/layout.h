// Byte layout shared with TypeScript (src/native/layout.ts has the same names); no behaviour.
#ifndef RINGLET_LAYOUT_H_
#define RINGLET_LAYOUT_H_

#include <cstdint>

namespace ringlet {

// What TypeScript compares its own numbers with, when the addon is loaded: one list, of which this file makes
// the constants and addon.cc the export.
#define RINGLET_LAYOUT(V)                                                                                    \
  /* Words of a ring's control block. */                                                                     \
  /* Free-running counts of descriptors: written by TypeScript, and taken by C++. */                         \
  V(CONTROL_SUBMISSION_TAIL, 0)                                                                              \
  V(CONTROL_SUBMISSION_HEAD, 1)                                                                              \
  /* Operations that keep the process alive; written by TypeScript. */                                       \
  V(CONTROL_REFS, 2)                                                                                         \
  /* 1 while the loop has our ref, or needs none; TypeScript asks for it when it stages work and finds 0. */ \
  V(CONTROL_IS_LOOP_REF, 3)                                                                                  \
  /* Completions in the block for the current call of `settle`. */                                           \
  V(CONTROL_COMPLETIONS, 4)                                                                                  \
  /* The errno that broke the ring, or 0. */                                                                 \
  V(CONTROL_FAILURE, 5)                                                                                      \
  /* Of these completions, those that brought a datagram; 0 if one was answered at once. Zeroed by C++ */    \
  /* before the call of `settle`, counted by TypeScript during it. */                                        \
  V(CONTROL_RECEIVED, 6)                                                                                     \
  V(CONTROL_WORDS, 8)                                                                                        \
  /* user_data is a slot index (low word) and a generation (high word). The generation's top bit marks */    \
  /* an operation whose result is a new descriptor, so that C++ can own it when it is not taken. */          \
  V(SLOT_UNTRACKED, 0xffffffffu)                                                                             \
  V(GENERATION_YIELDS_FD, 0x80000000u)                                                                       \
  /* The bits below it say which entry of an operation it is, from here on. */                               \
  V(GENERATION_ENTRY_SHIFT, 23)                                                                              \
  /* A bit that native code adds to the flags of a completion with a new descriptor: it cannot seek. */      \
  V(COMPLETION_UNSEEKABLE, 0x80000000u)                                                                      \
  /* A bit of the flags in an entry's head word that is ours, and that native code takes out again: the */   \
  /* entry is not left to a kernel thread, however slow files are. */                                        \
  V(SQE_NO_THREAD, 0x8000u)                                                                                  \
  /* What an SQ thread takes of one ring in a pass while it serves several */                                \
  /* (IORING_SQPOLL_CAP_ENTRIES_VALUE). */                                                                   \
  V(SHARED_SQ_THREAD_PASS, 8)                                                                                \
  /* What native code reports about itself, in the order of `stats`. */                                      \
  V(STAT_SUBMITTED, 0)                                                                                       \
  V(STAT_COMPLETED, 1)                                                                                       \
  V(STAT_ENTERS, 2)                                                                                          \
  V(STAT_BATCHES, 3)                                                                                         \
  V(STAT_WAKEUPS, 4)                                                                                         \
  V(STAT_OVERFLOWS, 5)                                                                                       \
  V(STAT_IN_KERNEL, 6)                                                                                       \
  V(STAT_TURNS, 7)                                                                                           \
  V(STAT_BUDGET_STOPS, 8)                                                                                    \
  V(STAT_SQ_WAKEUPS, 9)                                                                                      \
  V(STAT_RESIZES, 10)                                                                                        \
  V(STAT_GATHERS, 11)                                                                                        \
  V(STAT_WORDS, 12)

#define RINGLET_CONSTANT(name, value) constexpr uint32_t name = value;
RINGLET_LAYOUT(RINGLET_CONSTANT)
#undef RINGLET_CONSTANT

}  // namespace ringlet

#endif  // RINGLET_LAYOUT_H_
