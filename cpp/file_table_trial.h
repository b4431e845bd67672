// Whether a slot of the file table that is cleared lets go of its file at once.
//
// Before Linux 6.13 the kernel keeps the file for as long as an older request of the ring with a registered
// file goes on, and 6.1 for a second besides: what was closed stays open for its peer, its port and its file
// system. Callable from any thread; knows neither Node-API nor libuv.
#ifndef RINGLET_FILE_TABLE_TRIAL_H_
#define RINGLET_FILE_TABLE_TRIAL_H_

#include "uring_syscalls.h"

namespace ringlet {

// 0; EBUSY, negative, where the file is kept; or the negative errno of what could not be tried.
int TryClearedSlot(RingKernel kernel);

}  // namespace ringlet

#endif  // RINGLET_FILE_TABLE_TRIAL_H_
