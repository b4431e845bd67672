// What this kernel and this process allow, found by asking the kernel and by trying.
//
// Everything happens on a small ring of its own, which is gone again when the answer is there. Callable
// from any thread; knows neither Node-API nor libuv.
#ifndef RINGLET_KERNEL_FEATURES_H_
#define RINGLET_KERNEL_FEATURES_H_

#include <cstdint>

#include <optional>
#include <vector>
#include "uring_syscalls.h"

namespace ringlet {

// IORING_REGISTER_QUERY's account of itself (Linux 6.18).
struct KernelQuery {
  uint32_t request_opcodes = 0;
  uint32_t register_opcodes = 0;
  uint64_t features = 0;
  uint64_t setup_flags = 0;
  uint64_t enter_flags = 0;
  uint64_t sqe_flags = 0;
};

// Each trial holds what the kernel answered: a count or 0, or a negative errno.
struct KernelFeatures {
  // 0, or why there is no ring at all; then nothing else is filled in.
  int setup = 0;
  uint32_t features = 0;
  // By opcode, as far as the kernel's probe knows any (Linux 5.6); empty where there is no probe.
  std::vector<bool> opcodes;

  // A multishot recvmsg of what is no socket: ENOTSOCK where the kernel knows it, EINVAL where not.
  int multishot_receive = 0;
  // A zero-copy sendmsg to no descriptor, with a msghdr that is in order: EBADF where the kernel knows it,
  // followed by a notification.
  int zero_copy_send = 0;
  bool has_notified = false;
  // The same with no msghdr, which says EFAULT before it looks at the descriptor.
  int zero_copy_send_without_header = 0;

  int buffer_ring = 0;
  int incremental_buffer_ring = 0;
  int sparse_file_table = 0;
  int registered_ring_fd = 0;
  // A ring with deferred work whose completion queue is made larger.
  int resized_ring = 0;
  std::optional<KernelQuery> query;
};

// Whether the ring's kernel knows an operation, by opcode; empty where it has no probe (before Linux 5.6).
std::vector<bool> ProbeOpcodes(const RingHandle& ring);

KernelFeatures ProbeKernelFeatures(RingKernel kernel);

}  // namespace ringlet

#endif  // RINGLET_KERNEL_FEATURES_H_
