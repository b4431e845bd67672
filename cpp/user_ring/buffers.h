// Provided buffers: rings of them that the ring's user fills and receives take from (io_uring_register(2)).
// The ring's own thread only.
#ifndef RINGLET_USER_RING_BUFFERS_H_
#define RINGLET_USER_RING_BUFFERS_H_

#include <sys/uio.h>

#include <cstdint>
#include <unordered_map>

#include "../uring_abi.h"

namespace ringlet::user_ring {

class BufferGroup {
 public:
  explicit BufferGroup(const abi::BufferRingRegister& from)
      : ring_(reinterpret_cast<abi::BufferRingEntry*>(from.ring_addr)),
        mask_(static_cast<uint16_t>(from.ring_entries - 1)),
        is_incremental_((from.flags & abi::kBufferRingIncremental) != 0) {}

  bool is_incremental() const { return is_incremental_; }
  // The memory of the next buffers, up to `max` of them, and how many there are. They are not taken yet.
  uint32_t Peek(iovec* into, uint32_t max) const;
  // The number of the next buffer after `index` others.
  uint16_t IdAt(uint32_t index) const { return ring_[(head_ + index) & mask_].bid; }
  // Takes whole buffers.
  void Take(uint32_t count) { head_ = static_cast<uint16_t>(head_ + count); }
  // Takes what `bytes` fill of the next buffers, and returns what their completion's flags say of it.
  uint32_t TakeBytes(uint64_t bytes);

 private:
  abi::BufferRingEntry* ring_;
  uint16_t mask_;
  uint16_t head_ = 0;
  bool is_incremental_;
};

class Buffers {
 public:
  // Both 0 or -errno.
  int Register(const abi::BufferRingRegister& from);
  int Unregister(uint16_t group_id);
  // Null when it is not registered.
  BufferGroup* Find(uint16_t group_id);

 private:
  std::unordered_map<uint16_t, BufferGroup> groups_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_BUFFERS_H_
