// Which mounts answer from memory: those of local file systems. A call on a network file system, or on one
// that a process serves (FUSE), may wait for another party even where the kernel has the name in its cache.
// Environment's thread only.
#ifndef RINGLET_MOUNT_TABLE_H_
#define RINGLET_MOUNT_TABLE_H_

#include <cstdint>
#include <vector>

namespace ringlet {

class MountTable {
 public:
  MountTable() = default;
  ~MountTable() { Close(); }
  MountTable(const MountTable&) = delete;
  MountTable& operator=(const MountTable&) = delete;

  // Both read /proc/self/mountinfo again when it has changed, which is looked at once in a few milliseconds.
  // True when there is no other mount at all.
  bool IsAllLocal();
  // `mount_id` as statx(2) gives it with STATX_MNT_ID.
  bool IsLocal(uint64_t mount_id);
  // Gives back its descriptor, until it is needed again.
  void Close();

 private:
  void Refresh();
  void Read();

  int fd_ = -1;
  bool is_unreadable_ = false;
  int64_t looked_at_ns_ = 0;
  bool has_others_ = true;
  std::vector<uint64_t> local_ids_;
};

}  // namespace ringlet

#endif  // RINGLET_MOUNT_TABLE_H_
