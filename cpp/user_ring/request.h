// A submission entry under way in a ring in user space, and what an attempt to execute it can come to.
// Depends on the kernel's structures and the table of files.
#ifndef RINGLET_USER_RING_REQUEST_H_
#define RINGLET_USER_RING_REQUEST_H_

#include <atomic>
#include <cstdint>

#include "../uring_abi.h"
#include "file_table.h"

namespace ringlet::user_ring {

class UserRing;

// What becomes of a request after an attempt.
enum class Next : uint8_t {
  kDone,      // it has its result
  kReadable,  // tried again once its descriptor can be read
  kWritable,  // the same for writing
  kWorker,    // may block: a worker does it
  kAgain,     // a multishot that has had its share for now
  kWaits,     // something else keeps it: a timer, or a list of polls
};

struct Outcome {
  Next next;
  int32_t result = 0;
  uint32_t flags = 0;
};

inline Outcome Done(int64_t result, uint32_t flags = 0) {
  return {Next::kDone, static_cast<int32_t>(result), flags};
}

// Where a request waits.
enum class Place : uint8_t { kNone, kReads, kWrites, kPolls, kWorker, kTimer };

struct Request {
  abi::Sqe sqe;

  // Of a chain: what starts when this one has ended, or ends with it.
  Request* following = nullptr;
  // Of a list, and of a bucket of the index by user_data.
  Request* previous = nullptr;
  Request* next = nullptr;
  Request* same_bucket = nullptr;

  Place place = Place::kNone;
  bool is_indexed = false;
  // Its descriptor has been ready since it began to wait.
  bool was_woken = false;
  // Ended otherwise than asked although its result is no error: a short transfer, which breaks a chain.
  bool is_short = false;
  // It was simulated to transfer less than was asked.
  bool is_cut = false;
  uint8_t lost_cancels = 0;
  // The LINK_TIMEOUT that limits this one; of such a timeout, what it limits.
  Request* link_timeout = nullptr;
  Request* limited = nullptr;

  // Bytes transferred so far, which its result will be; and those of a multishot receive, in all.
  int64_t done = 0;
  uint64_t received = 0;
  // The slot of the file table that it opens, closes or uses.
  FileSlot* slot = nullptr;
  // What a poll waits for.
  uint32_t poll_events = 0;
  // Of a socket, once they are known: SO_TYPE and SO_PROTOCOL.
  int socket_type = 0;
  int socket_protocol = -1;
  // The descriptor's flags to be put back when a connect is over, or -1.
  int saved_fd_flags = -1;
  // Of a timeout: when it is over, by CLOCK_MONOTONIC.
  uint64_t deadline_ns = 0;

  // For the worker that runs it. `result` is read when it has handed the request back; `is_begun` is of the
  // workers' lock.
  int32_t (*work)(Request&) = nullptr;
  int32_t result = 0;
  bool is_unbounded = false;
  bool is_begun = false;
  // Of a chain: whether the worker that has done what is before it goes on with it; whether one has.
  bool stays_on_worker = false;
  bool is_worked = false;
  std::atomic<bool> is_cancelled{false};

  bool has_flag(uint8_t flag) const { return (sqe.flags & flag) != 0; }
  // Whether what is linked to it goes on, once it has come to a result.
  bool lets_go_on(int64_t with_result) const {
    return (with_result >= 0 && !is_short && !is_cut) || has_flag(abi::kSqeIoHardlink);
  }
  // Whether it closes what a slot of the file table has let go of: none but this request knows of that
  // descriptor.
  bool is_taken_out() const { return sqe.opcode == abi::kOpClose && slot != nullptr; }
  bool is_linked() const { return has_flag(abi::kSqeIoLink | abi::kSqeIoHardlink); }
};

// Requests in order. A request is in one list at a time.
class RequestList {
 public:
  bool is_empty() const { return first_ == nullptr; }
  Request* first() const { return first_; }

  void Append(Request* request) {
    request->previous = last_;
    request->next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = request;
    last_ = request;
  }

  void Remove(Request* request) {
    (request->previous == nullptr ? first_ : request->previous->next) = request->next;
    (request->next == nullptr ? last_ : request->next->previous) = request->previous;
    request->previous = request->next = nullptr;
  }

  Request* TakeFirst() {
    Request* request = first_;
    if (request != nullptr) Remove(request);
    return request;
  }

 private:
  Request* first_ = nullptr;
  Request* last_ = nullptr;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_REQUEST_H_
