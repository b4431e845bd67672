// The two queues of a ring in user space, in the kernel's layout: memory that the ring's user maps, and the
// kernel's half of the work on it. The ring's own thread only.
#ifndef RINGLET_USER_RING_QUEUES_H_
#define RINGLET_USER_RING_QUEUES_H_

#include <cstdint>
#include <deque>

#include "../uring_abi.h"

namespace ringlet::user_ring {

class Queues {
 public:
  Queues() = default;
  Queues(const Queues&) = delete;
  Queues& operator=(const Queues&) = delete;
  ~Queues();

  // Makes the memory for as many entries as `params` say, and says in them where everything is. 0 or -errno.
  int Make(abi::Params* params);
  // Makes it anew in another size, with what is in it. 0, or -errno with everything as it was.
  int Resize(abi::Params* params);
  // Hands over the memory at an offset as mmap(2) has it: its user unmaps it.
  int Map(uint64_t offset, void** out);

  // The next entry that has been submitted, or null. It is valid until the next call.
  const abi::Sqe* TakeSubmitted();
  // A completion. Without room it is kept, in order, until there is.
  void Post(uint64_t user_data, int32_t result, uint32_t flags);
  // Whether there is to be no room whatever there is.
  void Withhold(bool is_withheld) { is_withheld_ = is_withheld; }
  bool has_overflowed() const { return !overflowed_.empty(); }
  // Of completions, without those that are kept; it wraps.
  uint32_t posted_count() const { return cq_tail_; }
  // Moves what was kept, as far as there is room.
  void Flush();
  // Whether so many completions find room now.
  bool HasRoom(uint32_t count) const { return FreeCompletions() >= count && overflowed_.empty(); }
  uint32_t FreeCompletions() const;
  uint32_t ReadyCount() const;

  // The submission queue's flag that there is work to be done at the next enter.
  void SetTaskRun();
  void ClearTaskRun();

 private:
  int Allocate(const abi::Params& params);
  abi::Cqe* Cqes() const;
  void Release();

  char* queues_ = nullptr;
  uint64_t queues_bytes_ = 0;
  abi::Sqe* sqes_ = nullptr;
  uint64_t sqes_bytes_ = 0;
  bool is_queues_mapped_ = false;
  bool is_sqes_mapped_ = false;
  uint32_t sq_mask_ = 0;
  uint32_t cq_mask_ = 0;
  uint32_t cq_tail_ = 0;
  bool has_array_ = false;
  bool is_withheld_ = false;
  uint32_t setup_flags_ = 0;
  abi::Sqe taken_;
  std::deque<abi::Cqe> overflowed_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_QUEUES_H_
