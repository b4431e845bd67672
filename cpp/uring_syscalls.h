// The three io_uring system calls and the mapping of a ring's queues, returning a count or -errno: the one
// seam to the kernel's rings, and the place where tests inject its refusals. Callable from any thread.
//
// A ring is served by one of two kernels, for good: the system's, or ours in user space (user_ring/). Nothing
// but its handle tells which.
#ifndef RINGLET_URING_SYSCALLS_H_
#define RINGLET_URING_SYSCALLS_H_

#include <cstdint>

#include "uring_abi.h"

namespace ringlet {

namespace user_ring {
class UserRing;
struct KernelGaps;
}  // namespace user_ring

enum class UringCall : uint32_t { kSetup = 0, kEnter = 1, kRegister = 2, kMap = 3 };

enum class RingKernel : uint8_t { kSystem, kUserSpace };

struct RingHandle {
  // What an event loop can poll, or -errno where the ring was refused.
  int fd = -1;
  // Null for a ring of the system's.
  user_ring::UserRing* user = nullptr;
};

// io_uring_setup(2): a close-on-exec ring descriptor, or -errno, as the handle's `fd`.
RingHandle UringSetup(RingKernel kernel, uint32_t entries, abi::Params* params);

// io_uring_enter(2): entries consumed, or -errno. `arg` is null, or a GetEventsArg with kEnterExtArg. With
// kEnterRegisteredRing the handle's `fd` is an index.
int UringEnter(const RingHandle& ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
               const void* arg, uint64_t arg_bytes);

// io_uring_register(2): 0 or a count, or -errno.
int UringRegister(const RingHandle& ring, uint32_t opcode, const void* arg, uint32_t arg_count);

// mmap(2) of one of a ring's areas: 0 and its address in `out`, or -errno. Children do not inherit it: they
// could submit in our name.
int UringMap(const RingHandle& ring, uint64_t bytes, uint64_t offset, void** out);

// Gives up the ring. Its areas stay mapped.
void UringClose(const RingHandle& ring);

// Makes the next `count` calls of this kind, on the calling thread, fail with -errno without reaching
// the kernel. `count` 0 removes the fault. For tests.
void InjectFault(UringCall call, int error, uint32_t count);

// Of rings in user space that the calling thread makes from now on: see user_ring/simulation.h. For tests.
void Simulate(uint32_t seed, const user_ring::KernelGaps& gaps);

}  // namespace ringlet

#endif  // RINGLET_URING_SYSCALLS_H_
