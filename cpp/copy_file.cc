#include "copy_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>
#include <vector>

#include "libc_calls.h"

namespace ringlet {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

// Of file systems whose servers refuse fchmod, which changes nothing there (statfs(2)).
constexpr uint32_t kSmbMagic = 0x517b;
constexpr uint32_t kSmb2Magic = 0xfe534d42;
constexpr uint32_t kCifsMagic = 0xff534d42;

// What a call returned, made again after a signal; or a negative errno.
template <typename Call>
ssize_t Retried(Call call) {
  ssize_t result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

bool IsSmb(int fd) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return false;
  auto type = static_cast<uint32_t>(status.f_type);
  return type == kSmbMagic || type == kSmb2Magic || type == kCifsMagic;
}

// Whether another way may do what the kernel can't do this way, or not between these two files.
bool IsUnable(ssize_t result, int to) {
  if (result == -EPERM) return IsSmb(to);
  return result == -ENOSYS || result == -EOPNOTSUPP || result == -EXDEV || result == -EINVAL ||
         result == -EIO;
}

int WriteAll(int to, const char* bytes, size_t count) {
  while (count > 0) {
    ssize_t written = Retried([&] { return write(to, bytes, count); });
    if (written < 0) return static_cast<int>(written);
    bytes += written;
    count -= static_cast<size_t>(written);
  }
  return 0;
}

int TakeModeOf(const struct stat& source, int to) {
  if (fchmod(to, source.st_mode) == 0) return 0;
  int failed = -errno;
  return failed == -EPERM && IsSmb(to) ? 0 : failed;
}

int TakeAttributesOf(const struct stat& source, int to) {
  const struct timespec times[] = {source.st_atim, source.st_mtim};
  if (futimens(to, times) < 0) return -errno;
  // Only root may, and for the others it is no failure.
  [[maybe_unused]] int is_refused = fchown(to, source.st_uid, source.st_gid);
  return 0;
}

// Empties a file that was there before. An empty one is left as it is: ext4 writes out the content of a file
// that has been truncated to nothing when it is closed (auto_da_alloc, ext4(5)), which takes as long as the
// copying.
int Empty(int to, const struct stat& target) {
  if (S_ISREG(target.st_mode) && target.st_size == 0) return 0;
  return ftruncate(to, 0) < 0 ? -errno : 0;
}

}  // namespace

int Descriptor::Take(int fd) {
  if (fd >= 0) fd_ = fd;
  return fd;
}

int Descriptor::Close() {
  if (fd_ < 0) return 0;
  int fd = fd_;
  fd_ = -1;
  return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

FileCopy::FileCopy(std::string from, std::string to, int mode)
    : from_(std::move(from)), to_(std::move(to)), mode_(mode) {}

int FileCopy::Continue(int64_t bytes) {
  int failed = has_begun_ ? 0 : Begin();
  if (failed == 0 && !is_done_) failed = CopyUntil(bytes < end_ - at_ ? at_ + bytes : end_);
  if (failed == 0 && is_done_) failed = out_.Close();
  if (failed == 0 && is_done_) is_half_ = false;
  if (failed < 0) GiveUp();
  return failed;
}

void FileCopy::GiveUp() {
  in_.Close();
  out_.Close();
  if (is_half_) unlink(to_.c_str());
  is_half_ = false;
  is_done_ = true;
}

int FileCopy::Begin() {
  has_begun_ = true;
  int failed = Open();
  if (failed < 0) return failed;
  struct stat target;
  if (FileStatus(out_.fd(), &target) < 0) return -errno;
  is_done_ =
      source_.st_dev == target.st_dev && source_.st_ino == target.st_ino && (mode_ & COPYFILE_EXCL) == 0;
  if (is_done_) return 0;
  is_half_ = S_ISREG(target.st_mode);
  return Fill(target);
}

int FileCopy::Open() {
  int failed = in_.Take(static_cast<int>(Retried([&] { return open(from_.c_str(), O_RDONLY | O_CLOEXEC); })));
  if (failed < 0) return failed;
  if (FileStatus(in_.fd(), &source_) < 0) return -errno;
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | ((mode_ & COPYFILE_EXCL) != 0 ? O_EXCL : 0);
  mode_t bits = source_.st_mode & 07777;
  failed = out_.Take(static_cast<int>(Retried([&] { return open(to_.c_str(), flags, bits); })));
  return std::min(failed, 0);
}

// All but the content, unless that can be shared.
int FileCopy::Fill(const struct stat& target) {
  int to = out_.fd();
  int failed = (mode_ & COPYFILE_EXCL) != 0 ? 0 : Empty(to, target);
  if (failed == 0 && (mode_ & COPYFILE_ATTRIBUTES) != 0) failed = TakeAttributesOf(source_, to);
  if (failed == 0) failed = TakeModeOf(source_, to);
  if (failed < 0) return failed;
  end_ = source_.st_size;
  if ((mode_ & (COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE)) != 0) {
    if (ioctl(to, FICLONE, in_.fd()) == 0) {
      at_ = end_;
      is_done_ = true;
      return 0;
    }
    if ((mode_ & COPYFILE_FICLONE_FORCE) != 0) return -errno;
  }
  if (end_ > 0) return 0;
  // Files of /proc say that they are empty. What is no file at all has no end either.
  if (S_ISREG(source_.st_mode)) {
    end_ = LLONG_MAX;
    way_ = Way::kBuffer;
  } else {
    is_done_ = true;
  }
  return 0;
}

// In the kernel, which does 2 GiB in one call at most. Where the file system shares blocks between files,
// copy_file_range(2) does no more than that; sendfile(2) goes between file systems, too.
int FileCopy::CopyUntil(off_t until) {
  while (way_ != Way::kBuffer && at_ < until) {
    auto left = static_cast<size_t>(until - at_);
    bool is_by_ranges = way_ == Way::kRanges;
    // Each moves `at_` on by what it returns.
    ssize_t copied = Retried([&] {
      return is_by_ranges ? copy_file_range(in_.fd(), &at_, out_.fd(), nullptr, left, 0)
                          : sendfile(out_.fd(), in_.fd(), &at_, left);
    });
    if (copied > 0) continue;
    if (copied < 0 && !IsUnable(copied, out_.fd())) return static_cast<int>(copied);
    // Nothing: the file has shrunk, or is one that the kernel makes up and whose size says nothing, as in
    // sysfs.
    way_ = copied < 0 && is_by_ranges ? Way::kSendfile : Way::kBuffer;
  }
  int failed = CopyByBuffer(until);
  if (at_ == end_) is_done_ = true;
  return failed;
}

int FileCopy::CopyByBuffer(off_t until) {
  if (at_ == until) return 0;
  std::vector<char> buffer(kBufferBytes);
  while (at_ < until) {
    size_t wanted = std::min<size_t>(buffer.size(), static_cast<size_t>(until - at_));
    ssize_t bytes = Retried([&] { return pread(in_.fd(), buffer.data(), wanted, at_); });
    if (bytes < 0) return static_cast<int>(bytes);
    is_done_ = bytes == 0;
    if (is_done_) return 0;
    int failed = WriteAll(out_.fd(), buffer.data(), static_cast<size_t>(bytes));
    if (failed < 0) return failed;
    at_ += bytes;
  }
  return 0;
}

int CopyFile(const std::string& from, const std::string& to, int mode) {
  FileCopy copy(from, to, mode);
  int failed = 0;
  while (failed == 0 && !copy.is_done()) failed = copy.Continue(INT64_MAX);
  return failed;
}

}  // namespace ringlet
