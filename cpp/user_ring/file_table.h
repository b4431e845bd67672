// A ring's table of files, whose slots entries name in the place of descriptors. In here they are descriptors
// of the process all the same. Made by the ring's own thread; workers fill and empty slots, too.
#ifndef RINGLET_USER_RING_FILE_TABLE_H_
#define RINGLET_USER_RING_FILE_TABLE_H_

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "../uring_abi.h"

namespace ringlet::user_ring {

// The descriptor of a slot's file, or -1.
using FileSlot = std::atomic<int>;

class FileTable {
 public:
  FileTable() = default;
  FileTable(const FileTable&) = delete;
  FileTable& operator=(const FileTable&) = delete;
  ~FileTable() {
    for (uint32_t i = 0; i < count_; i++) {
      int fd = slots_[i].load(std::memory_order_relaxed);
      if (fd >= 0) close(fd);
    }
  }

  // An empty table, as io_uring_register(2) makes it: 0 or -errno.
  int Register(const abi::ResourceRegister& from) {
    // Each takes a descriptor when it is used: the program is to have most of them.
    constexpr rlim_t kShare = 4;
    rlimit limit;
    if (count_ != 0) return -EBUSY;
    if (from.nr == 0 || from.flags != abi::kResourceRegisterSparse) return -EINVAL;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && from.nr > limit.rlim_cur / kShare) return -EMFILE;
    count_ = from.nr;
    slots_ = std::make_unique<FileSlot[]>(count_);
    for (uint32_t i = 0; i < count_; i++) slots_[i].store(-1, std::memory_order_relaxed);
    return 0;
  }

  // Null for one that there is not.
  FileSlot* Find(uint32_t index) const { return index < count_ ? &slots_[index] : nullptr; }

 private:
  uint32_t count_ = 0;
  std::unique_ptr<FileSlot[]> slots_;
};

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_FILE_TABLE_H_
