#include "queues.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>

namespace ringlet::user_ring {
namespace {

// Where the words of the queues are. What one side writes and the other reads has a cache line of its own.
constexpr uint32_t kSqHead = 0;
constexpr uint32_t kSqTail = 64;
constexpr uint32_t kSqMask = 128;
constexpr uint32_t kSqEntries = 132;
constexpr uint32_t kSqFlags = 136;
constexpr uint32_t kSqDropped = 140;
constexpr uint32_t kCqMask = 144;
constexpr uint32_t kCqEntries = 148;
constexpr uint32_t kCqFlags = 152;
constexpr uint32_t kCqOverflow = 156;
constexpr uint32_t kCqHead = 192;
constexpr uint32_t kCqTail = 256;
constexpr uint32_t kAfterWords = 320;

uint32_t* Word(char* queues, uint32_t offset) { return reinterpret_cast<uint32_t*>(queues + offset); }

uint32_t LoadAcquire(char* queues, uint32_t offset) {
  return std::atomic_ref(*Word(queues, offset)).load(std::memory_order_acquire);
}

void StoreRelease(char* queues, uint32_t offset, uint32_t value) {
  std::atomic_ref(*Word(queues, offset)).store(value, std::memory_order_release);
}

uint32_t CqesOffset(const abi::Params& params) {
  bool has_array = (params.flags & abi::kSetupNoSqArray) == 0;
  uint32_t array_bytes = has_array ? params.sq_entries * static_cast<uint32_t>(sizeof(uint32_t)) : 0;
  return (kAfterWords + array_bytes + 63) / 64 * 64;
}

void* MapMemory(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void Describe(abi::Params* params) {
  params->sq_off = {kSqHead, kSqTail, kSqMask, kSqEntries, kSqFlags, kSqDropped, kAfterWords, 0, 0};
  params->cq_off = {kCqHead, kCqTail, kCqMask, kCqEntries, kCqOverflow, CqesOffset(*params), kCqFlags, 0, 0};
}

}  // namespace

Queues::~Queues() { Release(); }

void Queues::Release() {
  if (queues_ != nullptr && !is_queues_mapped_) munmap(queues_, queues_bytes_);
  if (sqes_ != nullptr && !is_sqes_mapped_) munmap(sqes_, sqes_bytes_);
  queues_ = nullptr;
  sqes_ = nullptr;
}

int Queues::Allocate(const abi::Params& params) {
  uint64_t queues_bytes = CqesOffset(params) + uint64_t{params.cq_entries} * sizeof(abi::Cqe);
  uint64_t sqes_bytes = uint64_t{params.sq_entries} * sizeof(abi::Sqe);
  void* queues = MapMemory(queues_bytes);
  void* sqes = queues == nullptr ? nullptr : MapMemory(sqes_bytes);
  if (sqes == nullptr) {
    if (queues != nullptr) munmap(queues, queues_bytes);
    return -ENOMEM;
  }
  queues_ = static_cast<char*>(queues);
  queues_bytes_ = queues_bytes;
  sqes_ = static_cast<abi::Sqe*>(sqes);
  sqes_bytes_ = sqes_bytes;
  is_queues_mapped_ = is_sqes_mapped_ = false;
  sq_mask_ = params.sq_entries - 1;
  cq_mask_ = params.cq_entries - 1;
  *Word(queues_, kSqMask) = sq_mask_;
  *Word(queues_, kSqEntries) = params.sq_entries;
  *Word(queues_, kCqMask) = cq_mask_;
  *Word(queues_, kCqEntries) = params.cq_entries;
  return 0;
}

int Queues::Make(abi::Params* params) {
  setup_flags_ = params->flags;
  has_array_ = (params->flags & abi::kSetupNoSqArray) == 0;
  int error = Allocate(*params);
  if (error == 0) Describe(params);
  return error;
}

int Queues::Resize(abi::Params* params) {
  uint32_t sq_head = LoadAcquire(queues_, kSqHead);
  uint32_t cq_head = LoadAcquire(queues_, kCqHead);
  if (LoadAcquire(queues_, kSqTail) != sq_head) return -EBUSY;
  params->sq_entries = std::bit_ceil(std::clamp(params->sq_entries, 1u, abi::kMaxSubmissionEntries));
  params->cq_entries = std::bit_ceil(std::clamp(params->cq_entries, 1u, abi::kMaxCompletionEntries));
  if (cq_tail_ - cq_head > params->cq_entries) return -EOVERFLOW;
  params->flags = setup_flags_;
  // The old memory is its user's to unmap.
  char* old_queues = queues_;
  const abi::Cqe* old_cqes = Cqes();
  uint32_t old_mask = cq_mask_;
  int error = Allocate(*params);
  if (error < 0) return error;
  Describe(params);
  abi::Cqe* cqes = Cqes();
  for (uint32_t at = cq_head; at != cq_tail_; at++) cqes[at & cq_mask_] = old_cqes[at & old_mask];
  for (uint32_t word : {kSqFlags, kCqFlags, kCqOverflow}) *Word(queues_, word) = *Word(old_queues, word);
  *Word(queues_, kSqHead) = *Word(queues_, kSqTail) = sq_head;
  *Word(queues_, kCqHead) = cq_head;
  *Word(queues_, kCqTail) = cq_tail_;
  return 0;
}

int Queues::Map(uint64_t offset, void** out) {
  if (offset == abi::kOffSqRing) {
    is_queues_mapped_ = true;
    *out = queues_;
  } else if (offset == abi::kOffSqes) {
    is_sqes_mapped_ = true;
    *out = sqes_;
  } else {
    return -EINVAL;
  }
  return 0;
}

const abi::Sqe* Queues::TakeSubmitted() {
  uint32_t head = *Word(queues_, kSqHead);
  if (LoadAcquire(queues_, kSqTail) == head) return nullptr;
  uint32_t index = head & sq_mask_;
  if (has_array_) index = Word(queues_, kAfterWords)[index] & sq_mask_;
  taken_ = sqes_[index];
  StoreRelease(queues_, kSqHead, head + 1);
  return &taken_;
}

// They are what the memory ends with.
abi::Cqe* Queues::Cqes() const {
  return reinterpret_cast<abi::Cqe*>(queues_ + queues_bytes_ - (cq_mask_ + 1ull) * sizeof(abi::Cqe));
}

uint32_t Queues::FreeCompletions() const { return is_withheld_ ? 0 : cq_mask_ + 1 - ReadyCount(); }

uint32_t Queues::ReadyCount() const { return cq_tail_ - LoadAcquire(queues_, kCqHead); }

void Queues::Post(uint64_t user_data, int32_t result, uint32_t flags) {
  if (!HasRoom(1)) [[unlikely]] {
    overflowed_.push_back({user_data, result, flags});
    std::atomic_ref(*Word(queues_, kSqFlags)).fetch_or(uint32_t{abi::kSqCqOverflow});
    return;
  }
  Cqes()[cq_tail_ & cq_mask_] = {user_data, result, flags};
  cq_tail_++;
  StoreRelease(queues_, kCqTail, cq_tail_);
}

void Queues::Flush() {
  if (overflowed_.empty()) [[likely]]
    return;
  std::deque<abi::Cqe> kept;
  kept.swap(overflowed_);
  while (!kept.empty() && FreeCompletions() > 0) {
    Post(kept.front().user_data, kept.front().res, kept.front().flags);
    kept.pop_front();
  }
  overflowed_.swap(kept);
  if (overflowed_.empty()) std::atomic_ref(*Word(queues_, kSqFlags)).fetch_and(~uint32_t{abi::kSqCqOverflow});
}

void Queues::SetTaskRun() { std::atomic_ref(*Word(queues_, kSqFlags)).fetch_or(uint32_t{abi::kSqTaskRun}); }

void Queues::ClearTaskRun() {
  std::atomic_ref(*Word(queues_, kSqFlags)).fetch_and(~uint32_t{abi::kSqTaskRun});
}

}  // namespace ringlet::user_ring
