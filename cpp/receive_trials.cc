#include "receive_trials.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "ring.h"
#include "ring_profile.h"
#include "uring_abi.h"
#include "uring_syscalls.h"

namespace ringlet {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kBufferCount = 4;
constexpr uint16_t kGroup = 0;
// Everything is there before it is asked for.
constexpr uint32_t kWaitUs = 1'000'000;
constexpr uint32_t kCompletionsMax = 16;

// What one socket gets, and which of the two it is.
constexpr uint64_t kOnce = 1;
constexpr uint64_t kRepeatedly = 2;
constexpr uint32_t kOnceBytes = 30;
constexpr uint32_t kRepeatedlyBytes = 40;

// Two connected pairs, with bytes in both that tell where each belongs.
struct Pairs {
  int once[2] = {-1, -1};
  int repeatedly[2] = {-1, -1};

  ~Pairs() {
    for (int fd : {once[0], once[1], repeatedly[0], repeatedly[1]}) {
      if (fd >= 0) close(fd);
    }
  }

  int Open() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, once) < 0) return -errno;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, repeatedly) < 0) return -errno;
    return 0;
  }

  int Send(int fd, uint8_t first, uint32_t bytes) {
    uint8_t pattern[64];
    for (uint32_t i = 0; i < bytes; i++) pattern[i] = static_cast<uint8_t>(first + i);
    ssize_t sent = send(fd, pattern, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return -errno;
    return static_cast<uint32_t>(sent) == bytes ? 0 : -EPROTO;
  }
};

// A page with the ring of entries at its beginning, and the buffers in its second half.
class TrialBuffers {
 public:
  TrialBuffers(const TrialBuffers&) = delete;
  TrialBuffers& operator=(const TrialBuffers&) = delete;
  TrialBuffers() = default;
  ~TrialBuffers() {
    if (page_ != MAP_FAILED) munmap(page_, kPageBytes);
  }

  int Register(const RingHandle& ring, uint32_t buffer_bytes, uint16_t flags) {
    page_ =
        mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (page_ == MAP_FAILED) return -errno;
    bytes_ = buffer_bytes;
    auto* entries = static_cast<abi::BufferRingEntry*>(page_);
    for (uint16_t id = 0; id < kBufferCount; id++) {
      entries[id].addr = reinterpret_cast<uint64_t>(At(id));
      entries[id].len = buffer_bytes;
      entries[id].bid = id;
    }
    // The tail lies over the first entry's last two bytes.
    entries[0].resv = kBufferCount;
    abi::BufferRingRegister buffers = {};
    // SAFETY: the page outlives the ring, which its owner closes first.
    buffers.ring_addr = reinterpret_cast<uint64_t>(page_);
    buffers.ring_entries = kBufferCount;
    buffers.bgid = kGroup;
    buffers.flags = flags;
    return UringRegister(ring, abi::kRegisterBufferRing, &buffers, 1);
  }

  const uint8_t* At(uint32_t id) const { return static_cast<uint8_t*>(page_) + kPageBytes / 2 + id * bytes_; }

 private:
  void* page_ = MAP_FAILED;
  uint32_t bytes_ = 0;
};

abi::Sqe Receive(int fd, uint64_t user_data, uint16_t how) {
  abi::Sqe sqe = {};
  sqe.opcode = abi::kOpRecv;
  sqe.flags = abi::kSqeBufferSelect;
  sqe.ioprio = how;
  sqe.fd = fd;
  sqe.buf_index = kGroup;
  sqe.user_data = user_data;
  return sqe;
}

// One socket's single receive is submitted together with the other's multishot receive. The kernel puts the
// completion of the first off and posts those of the second at once: with the first of them behind (before
// 6.15 and its stable releases of May 2025, "ensure deferred completions are flushed for multishot"; liburing
// issue 1409) it could not be told which bytes of the buffers are whose. The last completion of a multishot
// receive is put off in the same way, and has bytes where the completion queue was full. It needs no trial of
// its own: what is put off is one list, which io_req_post_cqe flushes first or does not.
std::vector<abi::Cqe> ReceiveBoth(Ring& ring, const Pairs& pairs, uint16_t how) {
  ring.Push(Receive(pairs.once[0], kOnce, how));
  abi::Sqe repeatedly = Receive(pairs.repeatedly[0], kRepeatedly, how | abi::kReceiveMultishot);
  // Its limit, in the place of a file index, is refused before Linux 6.17. Bundles are not to be trusted
  // before 6.16: a short receive might have another one behind it in the same bundle, and nothing told of the
  // gap.
  if ((how & abi::kReceiveBundle) != 0) repeatedly.file_index = kRepeatedlyBytes;
  ring.Push(repeatedly);
  std::vector<abi::Cqe> got;
  int64_t bytes = 0;
  while (bytes < kOnceBytes + kRepeatedlyBytes && got.size() < kCompletionsMax) {
    ring.SubmitAndWait(1, kWaitUs);
    abi::Cqe cqe;
    if (ring.Drain(&cqe, 1) == 0) break;
    got.push_back(cqe);
    if (cqe.res <= 0) break;
    bytes += cqe.res;
  }
  return got;
}

// The kernel's refusal, if there is one among the completions; otherwise something came out wrong.
int WhyWrong(const std::vector<abi::Cqe>& got) {
  for (const abi::Cqe& cqe : got) {
    if (cqe.res < 0) return cqe.res;
  }
  return -EPROTO;
}

bool IsPattern(const uint8_t* bytes, uint32_t count, uint8_t first) {
  for (uint32_t i = 0; i < count; i++) {
    if (bytes[i] != static_cast<uint8_t>(first + i)) return false;
  }
  return true;
}

bool IsPart(const abi::Cqe& cqe, uint64_t user_data, int bytes, uint32_t id, bool has_more_room) {
  return cqe.user_data == user_data && cqe.res == bytes && (cqe.flags & abi::kCqeBuffer) != 0 &&
         cqe.flags >> abi::kCqeBufferShift == id && ((cqe.flags & abi::kCqeBufferMore) != 0) == has_more_room;
}

constexpr uint8_t kOnceFirst = 10;
constexpr uint8_t kRepeatedlyFirst = 110;

int Prepare(RingKernel kernel, Ring& ring, RingSetup* setup, Pairs& pairs) {
  RingRequest request;
  request.kernel = kernel;
  request.submission_entries = 4;
  request.completion_entries = kCompletionsMax;
  request.completion_entries_min = kCompletionsMax;
  request.task_run = TaskRun::kInterrupt;
  *setup = SetUpRing(request);
  int error = setup->ring.fd < 0 ? setup->ring.fd : ring.Open(*setup);
  if (error == 0) error = pairs.Open();
  if (error == 0) error = pairs.Send(pairs.once[1], kOnceFirst, kOnceBytes);
  if (error == 0) error = pairs.Send(pairs.repeatedly[1], kRepeatedlyFirst, kRepeatedlyBytes);
  return error;
}

// 30 bytes of a buffer of 64, and then 40: 34 of them behind the others, and 6 in the next buffer.
int CheckIncremental(const std::vector<abi::Cqe>& got, const TrialBuffers& buffers) {
  constexpr uint32_t kRest = 64 - kOnceBytes;
  constexpr uint32_t kOver = kRepeatedlyBytes - kRest;
  bool is_right = got.size() == 3 && IsPart(got[0], kOnce, kOnceBytes, 0, true) &&
                  IsPart(got[1], kRepeatedly, kRest, 0, false) &&
                  IsPart(got[2], kRepeatedly, kOver, 1, true) &&
                  IsPattern(buffers.At(0), kOnceBytes, kOnceFirst) &&
                  IsPattern(buffers.At(0) + kOnceBytes, kRest, kRepeatedlyFirst) &&
                  IsPattern(buffers.At(1), kOver, kRepeatedlyFirst + kRest);
  return is_right ? 0 : WhyWrong(got);
}

// The bytes of each socket lie in buffers of 32 that follow each other, however many completions tell it.
int CheckBundled(const std::vector<abi::Cqe>& got, const TrialBuffers& buffers) {
  constexpr int kBytes = 32;
  uint32_t next_id = 0;
  uint32_t counts[2] = {0, 0};
  bool was_repeatedly = false;
  for (const abi::Cqe& cqe : got) {
    bool is_repeatedly = cqe.user_data == kRepeatedly;
    bool is_in_order = is_repeatedly || !was_repeatedly;
    was_repeatedly = is_repeatedly;
    if (cqe.res <= 0 || !is_in_order || cqe.flags >> abi::kCqeBufferShift != next_id) return WhyWrong(got);
    uint32_t& count = counts[is_repeatedly];
    for (int left = cqe.res; left > 0; left -= kBytes) {
      if (next_id == kBufferCount) return -EPROTO;
      uint8_t first = static_cast<uint8_t>((is_repeatedly ? kRepeatedlyFirst : kOnceFirst) + count);
      uint32_t here = left < kBytes ? left : kBytes;
      if (!IsPattern(buffers.At(next_id), here, first)) return -EPROTO;
      count += here;
      next_id++;
    }
  }
  return counts[0] == kOnceBytes && counts[1] == kRepeatedlyBytes ? 0 : WhyWrong(got);
}

int Try(RingKernel kernel, uint32_t buffer_bytes, uint16_t buffer_flags, uint16_t how,
        int (*check)(const std::vector<abi::Cqe>&, const TrialBuffers&)) {
  TrialBuffers buffers;
  Pairs pairs;
  Ring ring;
  RingSetup setup;
  int result = Prepare(kernel, ring, &setup, pairs);
  if (result == 0) result = buffers.Register(setup.ring, buffer_bytes, buffer_flags);
  if (result >= 0) result = check(ReceiveBoth(ring, pairs, how), buffers);
  // SAFETY: the multishot receive may end later than the ring is closed here; without registered buffers it
  // finds no memory to write to.
  abi::BufferRingRegister gone = {};
  if (setup.ring.fd >= 0) UringRegister(setup.ring, abi::kUnregisterBufferRing, &gone, 1);
  ring.Unmap();
  if (setup.ring.fd >= 0) UringClose(setup.ring);
  return result;
}

}  // namespace

ReceiveTrials TryReceives(RingKernel kernel) {
  ReceiveTrials trials;
  trials.incremental = Try(kernel, 64, abi::kBufferRingIncremental, 0, CheckIncremental);
  trials.bundled = Try(kernel, 32, 0, abi::kReceiveBundle, CheckBundled);
  return trials;
}

}  // namespace ringlet
