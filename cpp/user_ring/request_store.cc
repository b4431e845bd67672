#include "request_store.h"

namespace ringlet::user_ring {
namespace {

constexpr size_t kBlockRequests = 64;

}  // namespace

Request* RequestStore::Make(const abi::Sqe& sqe) {
  if (free_ == nullptr) {
    blocks_.push_back(std::make_unique<Request[]>(kBlockRequests));
    for (size_t i = 0; i < kBlockRequests; i++) {
      Request* request = &blocks_.back()[i];
      request->next = free_;
      free_ = request;
    }
  }
  Request* request = free_;
  free_ = request->next;
  request->next = nullptr;
  request->sqe = sqe;
  return request;
}

void RequestStore::Free(Request* request) {
  request->following = request->previous = request->same_bucket = nullptr;
  request->link_timeout = request->limited = nullptr;
  request->place = Place::kNone;
  request->was_woken = request->is_short = false;
  request->stays_on_worker = request->is_worked = false;
  request->slot = nullptr;
  request->done = 0;
  request->received = 0;
  request->poll_events = 0;
  request->socket_type = 0;
  request->socket_protocol = -1;
  request->saved_fd_flags = -1;
  request->is_cancelled.store(false, std::memory_order_relaxed);
  request->next = free_;
  free_ = request;
}

size_t RequestStore::BucketOf(uint64_t user_data) const {
  // Slots of the dispatcher are dense in the low half, so the low bits spread well by themselves.
  return user_data & (buckets_.size() - 1);
}

void RequestStore::AddToIndex(Request* request) {
  if (request->is_indexed) return;
  if (waiting_count_ >= buckets_.size()) Grow();
  Request*& bucket = buckets_[BucketOf(request->sqe.user_data)];
  request->same_bucket = bucket;
  bucket = request;
  request->is_indexed = true;
  waiting_count_++;
}

void RequestStore::RemoveFromIndex(Request* request) {
  if (!request->is_indexed) return;
  Request** at = &buckets_[BucketOf(request->sqe.user_data)];
  while (*at != request) at = &(*at)->same_bucket;
  *at = request->same_bucket;
  request->same_bucket = nullptr;
  request->is_indexed = false;
  waiting_count_--;
}

void RequestStore::Grow() {
  std::vector<Request*> before(buckets_.size() * 2);
  before.swap(buckets_);
  for (Request* bucket : before) {
    while (bucket != nullptr) {
      Request* request = bucket;
      bucket = request->same_bucket;
      Request*& into = buckets_[BucketOf(request->sqe.user_data)];
      request->same_bucket = into;
      into = request;
    }
  }
}

void RequestStore::FindByData(uint64_t user_data, bool is_all, std::vector<Request*>& found) const {
  for (Request* each = buckets_[BucketOf(user_data)]; each != nullptr; each = each->same_bucket) {
    if (each->sqe.user_data != user_data) continue;
    found.push_back(each);
    if (!is_all) return;
  }
}

void RequestStore::FindByFd(int fd, bool is_all, std::vector<Request*>& found) const {
  for (Request* bucket : buckets_) {
    for (Request* each = bucket; each != nullptr; each = each->same_bucket) {
      if (each->sqe.fd != fd) continue;
      found.push_back(each);
      if (!is_all) return;
    }
  }
}

void RequestStore::FindAll(std::vector<Request*>& found) const {
  for (Request* bucket : buckets_) {
    for (Request* each = bucket; each != nullptr; each = each->same_bucket) found.push_back(each);
  }
}

}  // namespace ringlet::user_ring
