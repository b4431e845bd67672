// Copying a file's content and permission bits to another path, as libuv's uv_fs_copyfile does for Node.
//
// Waits for disks, and so belongs on a thread of libuv's pool; knows neither Node-API nor libuv.
#ifndef RINGLET_COPY_FILE_H_
#define RINGLET_COPY_FILE_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace ringlet {

// Node's fs.constants of the same names.
constexpr int COPYFILE_EXCL = 1;
constexpr int COPYFILE_FICLONE = 2;
constexpr int COPYFILE_FICLONE_FORCE = 4;
// Not one of Node's: also the times, which writing then changes, and the owner if that may be. As libuv
// from 1.49 on.
constexpr int COPYFILE_ATTRIBUTES = 8;

// A descriptor of ours, or none, which is -1.
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }
  // Takes over a new one; passes a negative errno on.
  int Take(int fd);
  // What the file system has put off may fail here. After EINTR it is closed all the same (close(2)).
  int Close();

 private:
  int fd_ = -1;
};

// A copy, made in portions: on any thread, one at a time.
class FileCopy {
 public:
  FileCopy(std::string from, std::string to, int mode);
  // Gives up what has not come to its end.
  ~FileCopy() { GiveUp(); }

  // Copies so many bytes more at most, and opens the files before the first. 0, or a negative errno: then it
  // has been given up.
  int Continue(int64_t bytes);
  // Ends it before its end: there is no regular file at `to` any more, unless that could not be opened.
  void GiveUp();

  bool is_done() const { return is_done_; }
  int64_t copied_bytes() const { return at_; }
  // What the source has, by its own word: nothing, in /proc.
  int64_t source_bytes() const { return source_.st_size; }

 private:
  // What the next bytes are copied by, each where those before it can't.
  enum class Way { kRanges, kSendfile, kBuffer };

  int Begin();
  int Open();
  int Fill(const struct stat& target);
  int CopyUntil(off_t until);
  int CopyByBuffer(off_t until);

  std::string from_, to_;
  int mode_;
  Descriptor in_, out_;
  struct stat source_ = {};
  off_t at_ = 0, end_ = 0;
  Way way_ = Way::kRanges;
  bool has_begun_ = false, is_done_ = false;
  // Whether there is part of a copy at `to`, in a regular file: worse than none. A device is no copy.
  bool is_half_ = false;
};

// The whole of it at once: 0 or a negative errno.
int CopyFile(const std::string& from, const std::string& to, int mode);

}  // namespace ringlet

#endif  // RINGLET_COPY_FILE_H_
