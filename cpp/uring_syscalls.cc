#include "uring_syscalls.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

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

int UringSetup(uint32_t entries, abi::Params* params) {
  if (int injected = TakeFault(UringCall::kSetup)) return injected;
  return ResultOf(syscall(__NR_io_uring_setup, entries, params));
}

int UringEnter(int ring_fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg,
               uint64_t arg_bytes) {
  if (int injected = TakeFault(UringCall::kEnter)) return injected;
  return ResultOf(syscall(__NR_io_uring_enter, ring_fd, to_submit, min_complete, flags, arg, arg_bytes));
}

int UringRegister(int ring_fd, uint32_t opcode, const void* arg, uint32_t arg_count) {
  if (int injected = TakeFault(UringCall::kRegister)) return injected;
  return ResultOf(syscall(__NR_io_uring_register, ring_fd, opcode, arg, arg_count));
}

int UringMap(int ring_fd, uint64_t bytes, uint64_t offset, void** out) {
  if (int injected = TakeFault(UringCall::kMap)) return injected;
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd,
                       static_cast<off_t>(offset));
  if (address == MAP_FAILED) return -errno;
  madvise(address, bytes, MADV_DONTFORK);
  *out = address;
  return 0;
}

void InjectFault(UringCall call, int error, uint32_t count) {
  faults[static_cast<uint32_t>(call)] = {error, count};
}

}  // namespace ringlet
