#include "file_table_trial.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "ring.h"
#include "ring_profile.h"
#include "uring_abi.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

constexpr uint32_t kClosedSlot = 0;
constexpr uint32_t kWaitingSlot = 1;
constexpr uint32_t kSlots = 2;

class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseWriter();
    if (fds_[0] >= 0) close(fds_[0]);
  }

  int Open() { return pipe2(fds_, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0; }
  int reader() const { return fds_[0]; }
  int writer() const { return fds_[1]; }
  void CloseWriter() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }
  // Whether it has no writer any more.
  bool HasEnded() const {
    char byte;
    return read(fds_[0], &byte, 1) == 0;
  }

 private:
  int fds_[2] = {-1, -1};
};

int Occupy(const RingHandle& ring, uint32_t slot, int fd) {
  abi::ResourceUpdate update = {slot, 0, reinterpret_cast<uint64_t>(&fd)};
  return UringRegister(ring, abi::kRegisterFilesUpdate, &update, 1);
}

int MakeTable(const RingHandle& ring) {
  abi::ResourceRegister table = {kSlots, abi::kResourceRegisterSparse, 0, 0, 0};
  return UringRegister(ring, abi::kRegisterFiles2, &table, sizeof(table));
}

// Has a poll of one registered file wait while the other one is registered, cleared and closed.
int Try(Ring& ring, Pipe& closed, Pipe& waiting) {
  int result = MakeTable(ring.handle());
  if (result >= 0) result = Occupy(ring.handle(), kClosedSlot, closed.writer());
  if (result >= 0) result = Occupy(ring.handle(), kWaitingSlot, waiting.reader());
  if (result < 0) return result;
  // A poll refers to no memory, so it may outlive this.
  abi::Sqe poll = {};
  poll.opcode = abi::kOpPollAdd;
  poll.flags = abi::kSqeFixedFile;
  poll.fd = kWaitingSlot;
  poll.op_flags = POLLIN;
  ring.Push(poll);
  result = ring.Submit();
  if (result < 0) return result;
  result = Occupy(ring.handle(), kClosedSlot, -1);
  if (result < 0) return result;
  closed.CloseWriter();
  return closed.HasEnded() ? 0 : -EBUSY;
}

}  // namespace

int TryClearedSlot(RingKernel kernel) {
  Pipe closed;
  Pipe waiting;
  Ring ring;
  RingRequest request;
  request.kernel = kernel;
  request.submission_entries = 4;
  request.completion_entries = 8;
  request.completion_entries_min = 8;
  request.task_run = TaskRun::kInterrupt;
  RingSetup setup = SetUpRing(request);
  int result = setup.ring.fd < 0 ? setup.ring.fd : ring.Open(setup);
  if (result == 0) result = closed.Open();
  if (result == 0) result = waiting.Open();
  if (result == 0) result = Try(ring, closed, waiting);
  ring.Unmap();
  if (setup.ring.fd >= 0) UringClose(setup.ring);
  return result;
}

}  // namespace ringlet
