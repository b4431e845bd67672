// Rings in user space on many threads at once, for the thread sanitizer: work for their threads, cancels at
// any moment, time limits, and ends with all that under way.
//
//   user-ring-stress SECONDS SEED
//
// Every request must end exactly once while its ring lives, and nothing may be left: descriptors, threads.
// Depends on cpp/uring_syscalls.h alone, as the engine does.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "../../cpp/check.h"
#include "../../cpp/uring_syscalls.h"

namespace {

using namespace ringlet;

constexpr int kThreads = 8;
constexpr uint32_t kEntries = 32;
constexpr int kRounds = 40;
constexpr size_t kBytes = 64;
constexpr uint32_t kSlots = 4;

std::atomic<uint64_t> ended_count{0};
std::atomic<uint64_t> ring_count{0};

// The user's half of a ring, and what is under way on it.
class Client {
 public:
  explicit Client(uint32_t seed) : random_(seed) {
    params_.flags = abi::kSetupNoSqArray | abi::kSetupClamp;
    ring_ = UringSetup(RingKernel::kUserSpace, kEntries, &params_);
    RINGLET_CHECK(ring_.fd >= 0);
    queue_bytes_ = params_.cq_off.cqes + params_.cq_entries * sizeof(abi::Cqe);
    sqe_bytes_ = params_.sq_entries * sizeof(abi::Sqe);
    void* queues;
    void* sqes;
    RINGLET_CHECK(UringMap(ring_, queue_bytes_, abi::kOffSqRing, &queues) == 0);
    RINGLET_CHECK(UringMap(ring_, sqe_bytes_, abi::kOffSqes, &sqes) == 0);
    queues_ = static_cast<char*>(queues);
    sqes_ = static_cast<abi::Sqe*>(sqes);
    RINGLET_CHECK(pipe2(pipe_, O_CLOEXEC) == 0);
    file_ = memfd_create("stress", MFD_CLOEXEC);
    RINGLET_CHECK(file_ >= 0 && ftruncate(file_, 4096) == 0);
    abi::ResourceRegister table = {kSlots, abi::kResourceRegisterSparse, 0, 0, 0};
    RINGLET_CHECK(UringRegister(ring_, abi::kRegisterFiles2, &table, sizeof(table)) == 0);
    ring_count++;
  }

  // With what is under way, whose memory is ours and outlives the ring.
  ~Client() {
    UringClose(ring_);
    munmap(queues_, queue_bytes_);
    munmap(sqes_, sqe_bytes_);
    for (int fd : {pipe_[0], pipe_[1], file_}) close(fd);
  }

  void Play() {
    for (int round = 0; round < kRounds; round++) {
      for (uint32_t count = Below(6); count > 0; count--) Begin();
      Enter(0);
      if (Below(4) == 0) Feed();
    }
    // Of a close it must be known whether it has been.
    while (!closes_.empty()) Enter(1);
    // Every other ring ends in good order, the others as they are.
    if (Below(2) == 0) return;
    abi::Sqe& cancel = Next(abi::kOpAsyncCancel, -1);
    cancel.op_flags = abi::kCancelAny | abi::kCancelAll;
    while (!under_way_.empty()) {
      Enter(1);
      // What was between two places then, and what waits for a pipe of which another has had the bytes.
      if (!under_way_.empty()) CancelOne();
    }
  }

 private:
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  uint32_t* Word(uint32_t offset) { return reinterpret_cast<uint32_t*>(queues_ + offset); }

  abi::Sqe& Next(uint8_t opcode, int fd) {
    if (queued_ == params_.sq_entries) Enter(0);
    uint32_t tail = *Word(params_.sq_off.tail);
    abi::Sqe& sqe = sqes_[tail & (params_.sq_entries - 1)];
    sqe = {};
    sqe.opcode = opcode;
    sqe.fd = fd;
    sqe.user_data = ++last_data_;
    under_way_.insert(sqe.user_data);
    std::atomic_ref(*Word(params_.sq_off.tail)).store(tail + 1, std::memory_order_release);
    queued_++;
    return sqe;
  }

  void Transfer(uint8_t opcode, int fd, uint8_t flags) {
    abi::Sqe& sqe = Next(opcode, fd);
    sqe.addr = reinterpret_cast<uint64_t>(&memory_[Below(16)]);
    sqe.len = 1 + Below(kBytes - 1);
    sqe.off = fd == file_ ? Below(4096) : ~uint64_t{0};
    sqe.flags = flags;
  }

  void Begin() {
    static const abi::KernelTimespec kSoon = {0, 200'000};
    static const char kPath[] = "/";
    switch (Below(10)) {
      case 0:
        Next(abi::kOpNop, -1);
        break;
      case 1: {
        abi::Sqe& sqe = Next(abi::kOpTimeout, -1);
        sqe.addr = reinterpret_cast<uint64_t>(&kSoon);
        sqe.len = 1;
        break;
      }
      case 2:
        Transfer(abi::kOpRead, pipe_[0], Below(2) == 0 ? abi::kSqeAsync : 0);
        break;
      case 3:
        Transfer(Below(2) == 0 ? abi::kOpRead : abi::kOpWrite, file_, Below(2) == 0 ? abi::kSqeAsync : 0);
        break;
      case 4:
        Next(abi::kOpFsync, file_);
        break;
      case 5: {
        abi::Sqe& sqe = Next(abi::kOpStatx, AT_FDCWD);
        sqe.addr = reinterpret_cast<uint64_t>(kPath);
        sqe.off = reinterpret_cast<uint64_t>(statuses_[Below(16)]);
        sqe.len = 0x7ff;
        break;
      }
      case 6: {
        // The pipe may have nothing for it.
        if (queued_ + 2 > params_.sq_entries) break;
        Transfer(abi::kOpRead, pipe_[0],
                 static_cast<uint8_t>(abi::kSqeIoLink | (Below(2) == 0 ? abi::kSqeAsync : 0)));
        abi::Sqe& sqe = Next(abi::kOpLinkTimeout, -1);
        sqe.addr = reinterpret_cast<uint64_t>(&kSoon);
        sqe.len = 1;
        break;
      }
      case 7:
        BeginClose();
        break;
      case 8:
        BeginChain();
        break;
      default:
        CancelOne();
    }
  }

  void BeginClose() {
    int fd = dup(file_);
    RINGLET_CHECK(fd >= 0);
    abi::Sqe& sqe = Next(abi::kOpClose, fd);
    sqe.flags = Below(2) == 0 ? abi::kSqeAsync : 0;
    closes_.emplace(sqe.user_data, fd);
  }

  // A file of a slot that one chain has at a time: opened, written and closed, by one thread for the most
  // part.
  void BeginChain() {
    static const char kDirectory[] = "/tmp";
    if (queued_ + 4 > params_.sq_entries) Enter(0);
    uint32_t slot = Below(kSlots);
    if (chains_[slot] != 0) return;
    uint8_t flags = abi::kSqeIoLink | (Below(4) == 0 ? abi::kSqeAsync : 0);
    abi::Sqe& open = Next(abi::kOpOpenAt, AT_FDCWD);
    open.addr = reinterpret_cast<uint64_t>(kDirectory);
    open.op_flags = O_TMPFILE | O_RDWR;
    open.len = 0600;
    open.file_index = static_cast<int32_t>(slot + 1);
    open.flags = flags;
    chains_[slot] = 4;
    chain_of_[open.user_data] = slot;
    for (uint8_t opcode : {abi::kOpWrite, abi::kOpFsync, abi::kOpClose}) {
      if (opcode == abi::kOpWrite) {
        Transfer(opcode, static_cast<int>(slot), flags | abi::kSqeFixedFile);
      } else {
        abi::Sqe& sqe = Next(opcode, opcode == abi::kOpClose ? 0 : static_cast<int>(slot));
        if (opcode == abi::kOpFsync) sqe.flags = flags | abi::kSqeFixedFile;
        if (opcode == abi::kOpClose) sqe.file_index = static_cast<int32_t>(slot + 1);
      }
      chain_of_[last_data_] = slot;
    }
  }

  void CancelOne() {
    if (under_way_.empty()) return;
    auto at = under_way_.begin();
    std::advance(at, Below(static_cast<uint32_t>(under_way_.size())));
    uint64_t target = *at;
    Next(abi::kOpAsyncCancel, -1).addr = target;
  }

  void Feed() {
    char bytes[kBytes] = {};
    RINGLET_CHECK(write(pipe_[1], bytes, 1 + Below(kBytes - 1)) > 0);
  }

  void Enter(uint32_t min_complete) {
    abi::KernelTimespec timeout = {0, 2'000'000};
    abi::GetEventsArg arg = {0, 0, 0, reinterpret_cast<uint64_t>(&timeout)};
    uint32_t flags = abi::kEnterGetEvents | abi::kEnterExtArg;
    int taken = UringEnter(ring_, queued_, min_complete, flags, &arg, sizeof(arg));
    RINGLET_CHECK(taken >= 0 || taken == -ETIME || taken == -EINTR);
    if (taken > 0) queued_ -= static_cast<uint32_t>(taken);
    Reap();
  }

  void Reap() {
    uint32_t head = *Word(params_.cq_off.head);
    uint32_t tail = std::atomic_ref(*Word(params_.cq_off.tail)).load(std::memory_order_acquire);
    auto* cqes = reinterpret_cast<abi::Cqe*>(queues_ + params_.cq_off.cqes);
    for (; head != tail; head++) {
      const abi::Cqe& cqe = cqes[head & (params_.cq_entries - 1)];
      // A second completion finds nothing.
      RINGLET_CHECK(under_way_.erase(cqe.user_data) == 1);
      ended_count++;
      auto chain = chain_of_.find(cqe.user_data);
      if (chain != chain_of_.end()) {
        chains_[chain->second]--;
        chain_of_.erase(chain);
      }
      auto closed = closes_.find(cqe.user_data);
      if (closed == closes_.end()) continue;
      if (cqe.res < 0) close(closed->second);
      closes_.erase(closed);
    }
    std::atomic_ref(*Word(params_.cq_off.head)).store(head, std::memory_order_release);
  }

  std::mt19937 random_;
  RingHandle ring_;
  abi::Params params_ = {};
  char* queues_;
  abi::Sqe* sqes_;
  size_t queue_bytes_;
  size_t sqe_bytes_;
  uint32_t queued_ = 0;
  uint64_t last_data_ = 0;
  std::set<uint64_t> under_way_;
  // Descriptors that are ours again where their close is cancelled.
  std::map<uint64_t, int> closes_;
  // Of each slot, how much of a chain is under way; whose that is.
  uint32_t chains_[kSlots] = {};
  std::map<uint64_t, uint32_t> chain_of_;
  int pipe_[2];
  int file_;
  char memory_[16][kBytes] = {};
  char statuses_[16][256] = {};
};

int CountIn(const char* directory) {
  DIR* listing = opendir(directory);
  RINGLET_CHECK(listing != nullptr);
  int count = 0;
  while (readdir(listing) != nullptr) count++;
  closedir(listing);
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  auto seed = static_cast<uint32_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  // Whatever is made once a process.
  {
    Client first(seed);
    first.Play();
  }
  int fds_before = CountIn("/proc/self/fd");
  int tasks_before = CountIn("/proc/self/task");
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; thread++) {
    threads.emplace_back([=] {
      for (uint32_t made = 0; std::chrono::steady_clock::now() < until; made++) {
        auto client = std::make_unique<Client>(seed * 1'000'003 + thread * 100'003 + made);
        client->Play();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  RINGLET_CHECK(CountIn("/proc/self/task") == tasks_before);
  RINGLET_CHECK(CountIn("/proc/self/fd") == fds_before);
  std::printf("%llu requests on %llu rings\n", static_cast<unsigned long long>(ended_count),
              static_cast<unsigned long long>(ring_count));
  return 0;
}
