// Whether this kernel gets right what stream receives would like to use: buffers that are consumed in parts
// (Linux 6.12), and several buffers by one completion (6.10, without faults since 6.16).
//
// Each trial receives through socket pairs on a small ring of its own, and compares every byte and every
// completion with what must come. Callable from any thread; knows neither Node-API nor libuv.
#ifndef RINGLET_RECEIVE_TRIALS_H_
#define RINGLET_RECEIVE_TRIALS_H_

#include "uring_syscalls.h"

namespace ringlet {

// Each is 0, or a negative errno: what the kernel refused with, or EPROTO where something came out wrong.
struct ReceiveTrials {
  int incremental = 0;
  int bundled = 0;
};

ReceiveTrials TryReceives(RingKernel kernel);

}  // namespace ringlet

#endif  // RINGLET_RECEIVE_TRIALS_H_
