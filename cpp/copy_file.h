// Copying a file's content and permission bits to another path, as libuv's uv_fs_copyfile does for Node.
//
// Waits for disks, and so belongs on a thread of libuv's pool; knows neither Node-API nor libuv.
#ifndef RINGLET_COPY_FILE_H_
#define RINGLET_COPY_FILE_H_

#include <string>

namespace ringlet {

// Node's fs.constants of the same names.
constexpr int COPYFILE_EXCL = 1;
constexpr int COPYFILE_FICLONE = 2;
constexpr int COPYFILE_FICLONE_FORCE = 4;
// Not one of Node's: also the times, which writing then changes, and the owner if that may be. As libuv
// from 1.49 on.
constexpr int COPYFILE_ATTRIBUTES = 8;

// 0 or a negative errno. After a failure there is no regular file at `to` any more, unless it could not be
// opened.
int CopyFile(const std::string& from, const std::string& to, int mode);

}  // namespace ringlet

#endif  // RINGLET_COPY_FILE_H_
