// A ring as its environment has it: turns it, settles what completes, and ends it.
//
// A turn of a ring moves staged descriptors into the submission queue, enters the kernel once, copies
// the completions out and settles them with one call into JavaScript; what that call staged goes round
// again at once, within a time budget. Everything runs on the environment's thread.
#ifndef RINGLET_RING_HOST_H_
#define RINGLET_RING_HOST_H_

#include <napi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "busy_poll.h"
#include "coalescing.h"
#include "layout.h"
#include "loop_hooks.h"
#include "ring.h"
#include "ring_profile.h"
#include "sq_poll_groups.h"

namespace ringlet {

class Engine;
class TurnBudget;

// The memory that TypeScript and a ring share. The ArrayBuffers belong to the environment's heap and
// stay referenced by the host until the ring is closed.
struct SharedBlocks {
  uint32_t* control = nullptr;
  abi::Sqe* submissions = nullptr;
  uint32_t submission_mask = 0;
  abi::Cqe* completions = nullptr;
  uint32_t completion_capacity = 0;
};

struct RingHostOptions {
  RingRequest request;
  std::optional<SqPollGroupRequest> group;
  bool is_ring_fd_registered = true;
  uint32_t busy_poll_us = 0;
  CoalesceOptions coalesce;
  // Completions of deferred work that may become one batch.
  uint32_t collect_max = 0;
  // How far the completion queue may grow when it overflows.
  uint32_t completion_entries_max = 0;
  // Limits of io-wq's threads; 0 leaves the kernel's.
  uint32_t io_workers_bounded = 0;
  uint32_t io_workers_unbounded = 0;
};

// What a turn needs to call into JavaScript, looked up once.
struct SettleCall {
  napi_env env;
  napi_async_context async_context;
  napi_value receiver;
  napi_value settle;
};

class RingHost : public std::enable_shared_from_this<RingHost> {
 public:
  RingHost(Engine* engine, const RingHostOptions& options);
  ~RingHost();
  RingHost(const RingHost&) = delete;
  RingHost& operator=(const RingHost&) = delete;

  // Makes the ring. Returns 0 or -errno; `conflict` says more when a group has other terms.
  int Open();
  // `settle` takes no arguments: it reads the completion block.
  bool Start(Napi::Env env, const SharedBlocks& blocks, Napi::Object keep_alive, Napi::Function settle);
  // Ends the ring. Whatever is still in the kernel is cancelled and waited for first.
  void Close();

  // One turn; returns at once when there is nothing to do. Tells whether JavaScript ran.
  // `may_wait`: where the loop would block next, the turn may wait for a flow of datagrams.
  bool Turn(bool may_wait);
  // Hands staged descriptors to the kernel without settling anything. Tells whether it has taken all of them.
  bool SubmitStaged();
  void RefLoop();
  void SetRef(bool is_ref);

  bool wants_loop() const { return is_loop_ref_; }
  bool has_more() const { return has_more_; }
  // Whether JavaScript has staged what no turn has taken yet.
  bool has_staged() const {
    return !is_closed_ && blocks_.control != nullptr &&
           blocks_.control[CONTROL_SUBMISSION_TAIL] != blocks_.control[CONTROL_SUBMISSION_HEAD];
  }
  bool is_closed() const { return is_closed_; }
  Ring& ring() { return ring_; }
  const RingHandle& handle() const { return setup_.ring; }
  const RingSetup& setup() const { return setup_; }
  const std::optional<SqPollSeat>& seat() const { return seat_; }
  const SqPollJoin& join() const { return join_; }
  int ring_fd_registration() const { return ring_fd_registration_; }
  void ReadStats(double* stats) const;

 private:
  // What follows a round of a turn: another one, another turn soon, or nothing until something completes.
  enum class Next { kRound, kTurn, kNothing };

  Next Round(const SettleCall& call, TurnBudget& budget);
  Next WaitOrEnd(TurnBudget& budget);
  void PushStaged();
  int SubmitQueued();
  uint32_t NextPush(uint32_t free_entries) const;
  bool IsStalled() const;
  void NoteChainedClose(const abi::Cqe& cqe);
  void Count(uint32_t completions);
  void Settle(const SettleCall& call, uint32_t completions);
  bool HasWork() const;
  bool IsFlow();
  uint32_t Collect();
  void GrowCompletionQueue();
  void UnrefLoopIfIdle();
  void Fail(const SettleCall& call, int error);

  Engine* engine_;
  RingHostOptions options_;
  RingSetup setup_;
  SqPollJoin join_;
  std::optional<SqPollSeat> seat_;
  int ring_fd_registration_ = 0;
  Ring ring_;
  BusyPoll busy_poll_;
  Coalescing coalescing_;
  SharedBlocks blocks_;
  WakeWatch* wake_watch_ = nullptr;
  bool is_woken_on_edges_ = false;
  Napi::ObjectReference keep_alive_;
  Napi::FunctionReference settle_;
  std::unique_ptr<Napi::AsyncContext> async_context_;

  bool is_turning_ = false;
  bool is_broken_ = false;  // has lost completions
  bool is_closed_ = true;
  bool is_loop_ref_ = false;
  bool is_ref_ = true;
  bool has_more_ = false;
  uint64_t in_kernel_ = 0;
  // Descriptors, by slot, that parts of chains are to close: the environment's again if a part is cancelled.
  std::unordered_map<uint32_t, int> chained_closes_;
  // The share of busy_poll_us that recent spins have earned, in 1/16ths.
  uint64_t submitted_ = 0;
  uint64_t completed_ = 0;
  uint64_t batches_ = 0;
  uint64_t wakeups_ = 0;
  uint64_t overflows_ = 0;
  uint64_t turns_ = 0;
  uint64_t budget_stops_ = 0;
  uint64_t resizes_ = 0;
  bool has_multishot_ = false;  // in the last batch
};

}  // namespace ringlet

#endif  // RINGLET_RING_HOST_H_
