// The requests of a ring in user space: their memory, and how those that wait are found by their user_data.
// The ring's own thread only.
#ifndef RINGLET_USER_RING_REQUEST_STORE_H_
#define RINGLET_USER_RING_REQUEST_STORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "request.h"

namespace ringlet::user_ring {

class RequestStore {
 public:
  RequestStore() : buckets_(kBucketsMin) {}

  // A request for this entry.
  Request* Make(const abi::Sqe& sqe);
  void Free(Request* request);

  // What waits is in the index; what ends at once never is.
  void AddToIndex(Request* request);
  void RemoveFromIndex(Request* request);
  uint32_t waiting_count() const { return waiting_count_; }

  // Adds those that match to `found`; stops after the first unless all are wanted.
  void FindByData(uint64_t user_data, bool is_all, std::vector<Request*>& found) const;
  void FindByFd(int fd, bool is_all, std::vector<Request*>& found) const;
  void FindAll(std::vector<Request*>& found) const;

 private:
  static constexpr size_t kBucketsMin = 64;

  size_t BucketOf(uint64_t user_data) const;
  void Grow();

  std::vector<std::unique_ptr<Request[]>> blocks_;
  Request* free_ = nullptr;
  std::vector<Request*> buckets_;
  uint32_t waiting_count_ = 0;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_REQUEST_STORE_H_
