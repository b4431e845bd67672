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
#include <vector>

#include "libc_calls.h"

namespace ringlet {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

// Of file systems whose servers refuse fchmod, which changes nothing there (statfs(2)).
constexpr uint32_t kSmbMagic = 0x517b;
constexpr uint32_t kSmb2Magic = 0xfe534d42;
constexpr uint32_t kCifsMagic = 0xff534d42;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }

  // What the file system has put off may fail here. After EINTR it is closed all the same (close(2)).
  int Close() {
    if (fd_ < 0) return 0;
    int fd = fd_;
    fd_ = -1;
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
  }

 private:
  int fd_;
};

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

// From `at` to the end, `left` bytes at most.
int CopyByBuffer(int from, int to, off_t at, off_t left) {
  std::vector<char> buffer(kBufferBytes);
  while (left > 0) {
    size_t wanted = std::min<size_t>(buffer.size(), static_cast<size_t>(left));
    ssize_t bytes = Retried([&] { return pread(from, buffer.data(), wanted, at); });
    if (bytes <= 0) return static_cast<int>(bytes);
    int failed = WriteAll(to, buffer.data(), static_cast<size_t>(bytes));
    if (failed < 0) return failed;
    at += bytes;
    left -= bytes;
  }
  return 0;
}

// In the kernel; the whole of what is left in one call, of which it does 2 GiB at most. Where the file system
// shares blocks between files, copy_file_range(2) does no more than that; sendfile(2) goes between file
// systems, too.
int CopyContent(int from, int to, off_t bytes) {
  off_t at = 0;
  bool has_ranges = true;
  while (at < bytes) {
    auto left = static_cast<size_t>(bytes - at);
    // Each moves `at` on by what it returns.
    ssize_t copied = has_ranges ? Retried([&] { return copy_file_range(from, &at, to, nullptr, left, 0); })
                                : Retried([&] { return sendfile(to, from, &at, left); });
    if (copied > 0) continue;
    if (copied < 0 && !IsUnable(copied, to)) return static_cast<int>(copied);
    // Nothing: the file has shrunk, or is one that the kernel makes up and whose size says nothing, as in
    // sysfs.
    if (copied == 0 || !has_ranges) return CopyByBuffer(from, to, at, bytes - at);
    has_ranges = false;
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

int Fill(int from, const struct stat& source, int to, const struct stat& target, int mode) {
  int failed = (mode & COPYFILE_EXCL) != 0 ? 0 : Empty(to, target);
  if (failed == 0 && (mode & COPYFILE_ATTRIBUTES) != 0) failed = TakeAttributesOf(source, to);
  if (failed == 0) failed = TakeModeOf(source, to);
  if (failed < 0) return failed;
  if ((mode & (COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE)) != 0) {
    if (ioctl(to, FICLONE, from) == 0) return 0;
    if ((mode & COPYFILE_FICLONE_FORCE) != 0) return -errno;
  }
  if (source.st_size > 0) return CopyContent(from, to, source.st_size);
  // Files of /proc say that they are empty. What is no file at all has no end either.
  return S_ISREG(source.st_mode) ? CopyByBuffer(from, to, 0, LLONG_MAX) : 0;
}

}  // namespace

int CopyFile(const std::string& from, const std::string& to, int mode) {
  struct stat source, target;
  Descriptor in(static_cast<int>(Retried([&] { return open(from.c_str(), O_RDONLY | O_CLOEXEC); })));
  if (in.fd() < 0) return in.fd();
  if (FileStatus(in.fd(), &source) < 0) return -errno;

  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | ((mode & COPYFILE_EXCL) != 0 ? O_EXCL : 0);
  Descriptor out(static_cast<int>(Retried([&] { return open(to.c_str(), flags, source.st_mode & 07777); })));
  if (out.fd() < 0) return out.fd();
  if (FileStatus(out.fd(), &target) < 0) return -errno;
  bool is_same = source.st_dev == target.st_dev && source.st_ino == target.st_ino;
  if (is_same && (mode & COPYFILE_EXCL) == 0) return 0;

  int failed = Fill(in.fd(), source, out.fd(), target, mode);
  int not_closed = out.Close();
  if (failed == 0) failed = not_closed;
  // Half a copy is worse than none; a device is no copy.
  if (failed < 0 && S_ISREG(target.st_mode)) unlink(to.c_str());
  return failed;
}

}  // namespace ringlet
