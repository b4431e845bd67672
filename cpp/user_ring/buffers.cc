#include "buffers.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>

namespace ringlet::user_ring {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kEntriesMax = 32768;

}  // namespace

uint32_t BufferGroup::Peek(iovec* into, uint32_t max) const {
  // Acquire: the entries were written before the tail that covers them.
  uint16_t tail = std::atomic_ref(ring_[0].resv).load(std::memory_order_acquire);
  uint32_t count = std::min<uint32_t>(static_cast<uint16_t>(tail - head_), max);
  for (uint32_t i = 0; i < count; i++) {
    const abi::BufferRingEntry& entry = ring_[(head_ + i) & mask_];
    into[i] = {reinterpret_cast<void*>(entry.addr), entry.len};
  }
  return count;
}

uint32_t BufferGroup::TakeBytes(uint64_t bytes) {
  uint32_t flags = abi::kCqeBuffer | uint32_t{IdAt(0)} << abi::kCqeBufferShift;
  do {
    abi::BufferRingEntry& entry = ring_[head_ & mask_];
    uint64_t here = std::min<uint64_t>(bytes, entry.len);
    if (is_incremental_ && (here < entry.len || here == 0)) {
      entry.addr += here;
      entry.len -= static_cast<uint32_t>(here);
      return flags | abi::kCqeBufferMore;
    }
    if (is_incremental_) entry.len = 0;
    head_++;
    bytes -= here;
  } while (bytes > 0);
  return flags;
}

int Buffers::Register(const abi::BufferRingRegister& from) {
  if ((from.flags & ~abi::kBufferRingIncremental) != 0 || from.ring_addr == 0) return -EINVAL;
  if (from.ring_addr % kPageBytes != 0 || !std::has_single_bit(from.ring_entries)) return -EINVAL;
  if (from.ring_entries > kEntriesMax) return -EINVAL;
  return groups_.try_emplace(from.bgid, from).second ? 0 : -EEXIST;
}

int Buffers::Unregister(uint16_t group_id) { return groups_.erase(group_id) == 1 ? 0 : -ENOENT; }

BufferGroup* Buffers::Find(uint16_t group_id) {
  auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : &found->second;
}

}  // namespace ringlet::user_ring
