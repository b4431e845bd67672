#include "mount_table.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace ringlet {
namespace {

constexpr int64_t kLookIntervalNs = 5'000'000;

// Their inodes are in memory while a name of theirs is cached, and opening one asks no server. autofs is
// among them because what it waits for is never done on a cached walk. Whatever is not listed may wait.
constexpr std::string_view kLocalTypes[] = {
    "autofs",  "bcachefs",   "binfmt_misc", "bpf",    "btrfs", "cgroup",  "cgroup2", "configfs", "debugfs",
    "devpts",  "devtmpfs",   "efivarfs",    "erofs",  "exfat", "ext2",    "ext3",    "ext4",     "f2fs",
    "fusectl", "hugetlbfs",  "iso9660",     "mqueue", "nsfs",  "overlay", "proc",    "pstore",   "ramfs",
    "rootfs",  "securityfs", "squashfs",    "sysfs",  "tmpfs", "tracefs", "udf",     "vfat",     "xfs"};

int64_t CoarseNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool IsLocalType(std::string_view type) {
  return std::find(std::begin(kLocalTypes), std::end(kLocalTypes), type) != std::end(kLocalTypes);
}

}  // namespace

void MountTable::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool MountTable::IsAllLocal() {
  Refresh();
  return !has_others_;
}

bool MountTable::IsLocal(uint64_t mount_id) {
  Refresh();
  return std::binary_search(local_ids_.begin(), local_ids_.end(), mount_id);
}

void MountTable::Refresh() {
  if (is_unreadable_) return;
  int64_t now_ns = CoarseNs();
  if (fd_ >= 0 && now_ns - looked_at_ns_ < kLookIntervalNs) return;
  looked_at_ns_ = now_ns;
  if (fd_ < 0) {
    fd_ = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    is_unreadable_ = fd_ < 0;
    if (fd_ >= 0) Read();
    return;
  }
  // The kernel says so once for each change since the last look (proc_pid_mounts(5)).
  pollfd changed = {fd_, POLLPRI, 0};
  if (poll(&changed, 1, 0) > 0) Read();
}

// Lines as of proc_pid_mountinfo(5): the mount's number comes first, the type after a lone hyphen.
void MountTable::Read() {
  std::string text;
  char block[4096];
  ssize_t bytes;
  lseek(fd_, 0, SEEK_SET);
  while ((bytes = read(fd_, block, sizeof(block))) > 0) text.append(block, static_cast<size_t>(bytes));
  local_ids_.clear();
  has_others_ = bytes < 0;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line(text.data() + start, end - start);
    size_t separator = line.find(" - ");
    if (separator != std::string_view::npos) {
      std::string_view rest = line.substr(separator + 3);
      if (IsLocalType(rest.substr(0, rest.find(' ')))) {
        uint64_t id = 0;
        std::from_chars(line.data(), line.data() + line.size(), id);
        local_ids_.push_back(id);
      } else {
        has_others_ = true;
      }
    }
    start = end + 1;
  }
  std::sort(local_ids_.begin(), local_ids_.end());
}

}  // namespace ringlet
