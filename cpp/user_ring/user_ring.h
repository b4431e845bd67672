// A ring in user space: what the kernel does for a ring, done by the thread that enters it, by epoll, and by
// workers. Behind the calls of uring_syscalls.h, so that the rest of ringlet does not know which of the two
// it has.
//
// `Enter` executes the entries that have been submitted. What can be done without waiting is done at once;
// what a descriptor is not ready for waits for that (readiness.h); what may block is a worker's (workers.h).
// Completions are posted by the ring's own thread alone, when it enters. What there is none of (an SQ thread,
// tables of buffers, sends without a copy), the probe and the registrations refuse as an older
// kernel would.
#ifndef RINGLET_USER_RING_USER_RING_H_
#define RINGLET_USER_RING_USER_RING_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "buffers.h"
#include "file_table.h"
#include "queues.h"
#include "readiness.h"
#include "request.h"
#include "request_store.h"
#include "simulation.h"
#include "timers.h"
#include "workers.h"

namespace ringlet::user_ring {

class UserRing final : private ReadinessOwner {
 public:
  UserRing() : readiness_(this) {}
  UserRing(const UserRing&) = delete;
  UserRing& operator=(const UserRing&) = delete;
  // Interrupts and waits for what workers are at. What waits for readiness is forgotten.
  ~UserRing();

  // As the calls of uring_syscalls.h: a count, 0 or -errno.
  int Setup(uint32_t entries, abi::Params* params);
  int Enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags, const void* arg, uint64_t arg_bytes);
  int Register(uint32_t opcode, const void* arg, uint32_t arg_count);
  int Map(uint64_t offset, void** out) { return queues_.Map(offset, out); }
  // What an event loop polls.
  int fd() const { return readiness_.fd(); }

  // For operations.
  BufferGroup* FindBuffers(uint16_t group_id) {
    return simulation_ != nullptr && simulation_->RunOutOfBuffers() ? nullptr : buffers_.Find(group_id);
  }
  WatchedFd* FindWatched(int fd) { return readiness_.Find(fd); }
  // Whether a multishot may go on.
  bool HasRoom(uint32_t completions) const {
    return queues_.HasRoom(completions) && (simulation_ == nullptr || !simulation_->EndMultishotEarly());
  }
  uint32_t free_completions() const { return queues_.FreeCompletions(); }
  // A completion of a multishot that goes on.
  void PostMore(const Request& request, int32_t result, uint32_t flags) {
    queues_.Post(request.sqe.user_data, result, flags | abi::kCqeMore);
  }
  int WaitForPoll(Request* request) { return readiness_.Add(request, Place::kPolls); }
  void WaitForTimer(Request* request);
  // 0 or -errno, as ASYNC_CANCEL has it.
  int Cancel(Request* request, int32_t result);
  // Of a cancel that has met the request: 0, or what it says when that gets away.
  int LoseCancelRace(Request* request) {
    return simulation_ == nullptr ? 0 : simulation_->LoseCancelRace(request);
  }
  std::vector<Request*> FindWaiting(const abi::Sqe& cancel) const;
  Request* FindTimer(uint64_t user_data) const;
  void MoveTimer(Request* request, uint64_t deadline_ns);

 private:
  void OnReady(WatchedFd& watched, uint32_t events) override;
  void OnLost(Request* request) override;
  void OnTimer() override;

  uint32_t Submit(uint32_t count);
  int Wait(uint32_t min_complete, uint32_t flags, const void* arg, uint64_t arg_bytes);
  void Collect();
  void CollectWorkers();
  void AddAgain(int fd);
  void RunAgain();
  void StartRunnable();
  void Start(Request* request);
  Outcome Attempt(Request* request);
  void Settle(Request* request, const Outcome& outcome);
  void Serve(WatchedFd& watched, RequestList& list);
  void ServePolls(WatchedFd& watched, uint32_t events);
  void GiveToWorker(Request* request);
  void ChooseForWorker(Request* head, WorkKind kind);
  FileSlot* SlotOf(const abi::Sqe& sqe) const;
  void WaitFor(Request* request, Place place);
  void Finish(Request* request, int64_t result, uint32_t flags);
  void FinishNow(Request* request, int64_t result, uint32_t flags);
  bool Delay(Request* request, int64_t result, uint32_t flags);
  void FinishDelayed();
  bool IsUnknown(const Request& request) const;
  bool Disturb(Request* request);
  int DisturbEnter(uint32_t to_submit, uint32_t min_complete);
  bool HasMoreToDo() const { return !again_.empty() || !delayed_.empty(); }
  void EndLinkTimeout(Request* request);
  void SetTimer();
  int FillProbe(void* into, uint32_t count) const;

  // Null unless a seed has been given.
  std::unique_ptr<Simulation> simulation_;
  Queues queues_;
  Readiness readiness_;
  Timers timers_;
  Buffers buffers_;
  FileTable files_;
  RequestStore requests_;
  // Of chains, what may begin now.
  RequestList runnable_;
  // Descriptors, with their generations, whose multishots have had their share.
  std::vector<std::pair<int, uint32_t>> again_;
  // What has ended and has yet to be said to have, after so many rounds.
  struct Delayed {
    Request* request;
    int64_t result;
    uint32_t flags;
    uint32_t rounds;
    uint32_t posted_count;
  };
  std::vector<Delayed> delayed_;
  // When what has been interrupted is interrupted once more; 0 for never.
  uint64_t interrupt_at_ns_ = 0;
  uint64_t interrupt_step_ns_ = 0;
  Workers workers_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_USER_RING_H_
