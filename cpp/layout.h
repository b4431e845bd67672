// Byte layout shared with TypeScript (src/native/layout.ts has the same names); no behaviour.
#ifndef RINGLET_LAYOUT_H_
#define RINGLET_LAYOUT_H_

#include <cstdint>

namespace ringlet {

// Words of a ring's control block.
enum ControlWord : uint32_t {
  // Free-running counts of descriptors: written by TypeScript, and taken by C++.
  CONTROL_SUBMISSION_TAIL = 0,
  CONTROL_SUBMISSION_HEAD = 1,
  // Operations that keep the process alive; written by TypeScript.
  CONTROL_HOLDERS = 2,
  // 1 while the loop is held, or needs not be; TypeScript asks for it when it stages work and finds 0.
  CONTROL_IS_HELD = 3,
  // Completions in the block for the current call of `settle`.
  CONTROL_COMPLETIONS = 4,
  // The errno that broke the ring, or 0.
  CONTROL_FAILURE = 5,
  // Of these completions, those that brought a datagram; 0 if one was answered at once. Zeroed by C++ before
  // the call of `settle`, counted by TypeScript during it.
  CONTROL_RECEIVED = 6,
  CONTROL_WORDS = 8,
};

// user_data is a slot index (low word) and a generation (high word). The generation's top bit marks an
// operation whose result is a new descriptor, so that C++ can own it when nobody is left to take it.
constexpr uint32_t SLOT_UNTRACKED = 0xffffffffu;
constexpr uint32_t GENERATION_YIELDS_FD = 0x80000000u;
// The next bit marks an entry of an operation that has others after it: its completion is not the last one.
constexpr uint32_t GENERATION_FOLLOWED = 0x40000000u;

// A bit that native code adds to the flags of such an operation's completion: the descriptor cannot seek.
constexpr uint32_t COMPLETION_UNSEEKABLE = 0x80000000u;

// What an SQ thread takes of one ring in a pass while it serves several (IORING_SQPOLL_CAP_ENTRIES_VALUE).
constexpr uint32_t SHARED_SQ_THREAD_PASS = 8;

// What native code reports about itself, in the order of `stats`.
enum StatWord : uint32_t {
  STAT_SUBMITTED = 0,
  STAT_COMPLETED = 1,
  STAT_ENTERS = 2,
  STAT_BATCHES = 3,
  STAT_WAKEUPS = 4,
  STAT_OVERFLOWS = 5,
  STAT_IN_KERNEL = 6,
  STAT_TURNS = 7,
  STAT_BUDGET_STOPS = 8,
  STAT_SQ_WAKEUPS = 9,
  STAT_RESIZES = 10,
  STAT_GATHERS = 11,
  STAT_WORDS = 12,
};

}  // namespace ringlet

#endif  // RINGLET_LAYOUT_H_
