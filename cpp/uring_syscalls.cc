#include "uring_syscalls.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "user_ring/simulation.h"
#include "user_ring/user_ring.h"

// Numbers of the asm-generic table, the same on every architecture that Node runs on.
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif

namespace ringlet {
namespace {

struct Fault {
  int error = 0;
  uint32_t remaining = 0;
};

// Per thread, so that a test in one worker cannot disturb another's rings.
thread_local Fault faults[4];

int TakeFault(UringCall call) {
  Fault& fault = faults[static_cast<uint32_t>(call)];
  if (fault.remaining == 0) [[likely]]
    return 0;
  fault.remaining--;
  return -fault.error;
}

int ResultOf(long returned) { return returned < 0 ? -errno : static_cast<int>(returned); }

}  // namespace

RingHandle UringSetup(RingKernel kernel, uint32_t entries, abi::Params* params) {
  if (int injected = TakeFault(UringCall::kSetup)) return {injected};
  if (kernel == RingKernel::kSystem) return {ResultOf(syscall(__NR_io_uring_setup, entries, params))};
  auto* user = new user_ring::UserRing;
  int fd = user->Setup(entries, params);
  if (fd >= 0) return {fd, user};
  delete user;
  return {fd};
}

int UringEnter(const RingHandle& ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
               const void* arg, uint64_t arg_bytes) {
  if (int injected = TakeFault(UringCall::kEnter)) return injected;
  if (ring.user != nullptr) return ring.user->Enter(to_submit, min_complete, flags, arg, arg_bytes);
  return ResultOf(syscall(__NR_io_uring_enter, ring.fd, to_submit, min_complete, flags, arg, arg_bytes));
}

int UringRegister(const RingHandle& ring, uint32_t opcode, const void* arg, uint32_t arg_count) {
  if (int injected = TakeFault(UringCall::kRegister)) return injected;
  if (ring.user != nullptr) return ring.user->Register(opcode, arg, arg_count);
  // Of a ring that has been closed, maybe one in user space: where those are, filters refuse the call.
  if (ring.fd < 0) return -EBADF;
  return ResultOf(syscall(__NR_io_uring_register, ring.fd, opcode, arg, arg_count));
}

int UringMap(const RingHandle& ring, uint64_t bytes, uint64_t offset, void** out) {
  if (int injected = TakeFault(UringCall::kMap)) return injected;
  void* address;
  if (ring.user != nullptr) {
    int mapped = ring.user->Map(offset, &address);
    if (mapped < 0) return mapped;
  } else {
    address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
                   static_cast<off_t>(offset));
    if (address == MAP_FAILED) return -errno;
  }
  madvise(address, bytes, MADV_DONTFORK);
  *out = address;
  return 0;
}

void UringClose(const RingHandle& ring) {
  delete ring.user;
  close(ring.fd);
}

void InjectFault(UringCall call, int error, uint32_t count) {
  faults[static_cast<uint32_t>(call)] = {error, count};
}

void Simulate(uint32_t seed, const user_ring::KernelGaps& gaps) { user_ring::Simulation::Arm(seed, gaps); }

}  // namespace ringlet
