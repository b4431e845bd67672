#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cached_paths.h"
#include "check.h"
#include "engine.h"
#include "exports.h"
#include "libc_calls.h"

namespace ringlet {
namespace {

napi_value ToInt32(napi_env env, ptrdiff_t number) {
  napi_value result;
  napi_create_int32(env, static_cast<int32_t>(number), &result);
  return result;
}

// readCached(fd, address, bytes, position): what is in the page cache of a range of a file, read without
// waiting for anything (preadv2(2) with RWF_NOWAIT). How many bytes, or a negative errno.
// On the path of every read, so without the comforts of node-addon-api.
napi_value ReadCached(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  double numbers[4];
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok);
  for (int i = 0; i < 4; i++) RINGLET_CHECK(napi_get_value_double(env, arguments[i], &numbers[i]) == napi_ok);
  DelayWatch& delays = Engine::Of(env)->delays();
  delays.Begin();
  if (delays.is_delayed()) return ToInt32(env, -EAGAIN);
  // SAFETY: the view that the address is of is an argument of the call that led here, and stays so until this
  // returns: nothing is left to the kernel.
  void* memory = reinterpret_cast<void*>(static_cast<uintptr_t>(numbers[1]));
  ssize_t bytes = ReadAt(static_cast<int>(numbers[0]), memory, static_cast<size_t>(numbers[2]),
                         static_cast<int64_t>(numbers[3]), RWF_NOWAIT);
  ptrdiff_t result = bytes < 0 ? -errno : bytes;
  delays.End();
  return ToInt32(env, result);
}

// PATH_MAX, which counts the NUL.
constexpr size_t kPathBytesMax = 4096;

// False for a path that the kernel would refuse for its length.
bool ReadPath(napi_env env, napi_value value, char* path) {
  size_t length;
  RINGLET_CHECK(napi_get_value_string_utf8(env, value, path, kPathBytesMax + 1, &length) == napi_ok);
  return length < kPathBytesMax;
}

void* ReadAddress(napi_env env, napi_value value) {
  double address;
  RINGLET_CHECK(napi_get_value_double(env, value, &address) == napi_ok);
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

// statCached(path, isOfLink, address): see StatCached.
napi_value StatCachedPath(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  bool is_of_link;
  char path[kPathBytesMax + 1];
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok);
  RINGLET_CHECK(napi_get_value_bool(env, arguments[1], &is_of_link) == napi_ok);
  if (!ReadPath(env, arguments[0], path)) return ToInt32(env, -EAGAIN);
  // SAFETY: the memory is a constant of the module that calls, and nothing is left to the kernel.
  void* into = ReadAddress(env, arguments[2]);
  return ToInt32(env, StatCached(Engine::Of(env)->mounts(), path, is_of_link, into));
}

// readFileCached(path, address, bytes, restAddress): see ReadFileCached; `rest` are three int32.
napi_value ReadFileCachedPath(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  double bytes;
  char path[kPathBytesMax + 1];
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok);
  RINGLET_CHECK(napi_get_value_double(env, arguments[2], &bytes) == napi_ok);
  auto* rest = static_cast<OpenedRest*>(ReadAddress(env, arguments[3]));
  *rest = {};
  if (!ReadPath(env, arguments[0], path)) return ToInt32(env, -EAGAIN);
  // SAFETY: the slab is held by the caller until this returns, and nothing is left to the kernel.
  void* slab = ReadAddress(env, arguments[1]);
  Engine* engine = Engine::Of(env);
  engine->delays().Begin();
  if (engine->delays().is_delayed()) return ToInt32(env, -EAGAIN);
  ptrdiff_t done = ReadFileCached(engine->mounts(), path, slab, static_cast<size_t>(bytes), *rest);
  engine->delays().End();
  if (rest->fd >= 0) engine->owned_fds().Add(rest->fd);
  return ToInt32(env, done);
}

// advanceCursor(fd, bytes): moves the cursor behind a write that fell short, where the kernel has left it.
// Linux (6.18, and as it reads from 6.0 on) tries the rest of such a write of a regular file once more, and
// when that fails tells the bytes of the first part, but leaves the file's position before them
// (kiocb_done, io_uring/rw.c): the next write would go over them, and find room.
napi_value AdvanceCursor(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  int32_t fd;
  int32_t bytes;
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok);
  RINGLET_CHECK(napi_get_value_int32(env, arguments[0], &fd) == napi_ok);
  RINGLET_CHECK(napi_get_value_int32(env, arguments[1], &bytes) == napi_ok);
  struct stat file;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_APPEND) != 0) return nullptr;
  if (FileStatus(fd, &file) != 0 || !S_ISREG(file.st_mode)) return nullptr;
  // A position at the end has been moved: before what was written it can't be at the end.
  off_t position = lseek(fd, 0, SEEK_CUR);
  if (position >= 0 && position < file.st_size) lseek(fd, bytes, SEEK_CUR);
  return nullptr;
}

}  // namespace

// mayStall(path): see MayStall. Most systems have nothing of the kind, and then the path is not looked at.
napi_value PathMayStall(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  char path[kPathBytesMax + 1];
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok);
  MountTable& mounts = Engine::Of(env)->mounts();
  bool may_stall = !mounts.IsAllLocal() && (!ReadPath(env, argument, path) || MayStall(mounts, path));
  napi_value result;
  napi_get_boolean(env, may_stall, &result);
  return result;
}

// isDelayed(): whether an open may keep this thread waiting now; see DelayWatch.
napi_value IsDelayed(napi_env env, napi_callback_info) {
  DelayWatch& delays = Engine::Of(env)->delays();
  delays.Begin();
  napi_value result;
  napi_get_boolean(env, delays.is_delayed(), &result);
  return result;
}

// isPipe(fd): whether it is a pipe, with a name (FIFO) or without. Unlike fstat(2) it asks no file system.
napi_value IsPipe(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int32_t fd;
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok);
  RINGLET_CHECK(napi_get_value_int32(env, argument, &fd) == napi_ok);
  napi_value result;
  napi_get_boolean(env, fcntl(fd, F_GETPIPE_SZ) >= 0, &result);
  return result;
}

void ExportFiles(Napi::Env env, Napi::Object exports) {
  napi_value function;
  napi_create_function(env, "readCached", NAPI_AUTO_LENGTH, ReadCached, nullptr, &function);
  exports.Set("readCached", function);
  napi_create_function(env, "statCached", NAPI_AUTO_LENGTH, StatCachedPath, nullptr, &function);
  exports.Set("statCached", function);
  napi_create_function(env, "readFileCached", NAPI_AUTO_LENGTH, ReadFileCachedPath, nullptr, &function);
  exports.Set("readFileCached", function);
  napi_create_function(env, "mayStall", NAPI_AUTO_LENGTH, PathMayStall, nullptr, &function);
  exports.Set("mayStall", function);
  napi_create_function(env, "isDelayed", NAPI_AUTO_LENGTH, IsDelayed, nullptr, &function);
  exports.Set("isDelayed", function);
  napi_create_function(env, "isPipe", NAPI_AUTO_LENGTH, IsPipe, nullptr, &function);
  exports.Set("isPipe", function);
  napi_create_function(env, "advanceCursor", NAPI_AUTO_LENGTH, AdvanceCursor, nullptr, &function);
  exports.Set("advanceCursor", function);
}

}  // namespace ringlet
