#include <sys/uio.h>

#include <cerrno>

#include "check.h"
#include "exports.h"

namespace ringlet {
namespace {

// readCached(fd, address, bytes, position): what is in the page cache of a range of a file, read without
// waiting for anything (preadv2(2) with RWF_NOWAIT). How many bytes, or a negative errno.
// On the path of every read, so without the comforts of node-addon-api.
napi_value ReadCached(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  double numbers[4];
  RINGLET_CHECK(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok);
  for (int i = 0; i < 4; i++) RINGLET_CHECK(napi_get_value_double(env, arguments[i], &numbers[i]) == napi_ok);
  // SAFETY: the view that the address is of is an argument of the call that led here, and stays so until this
  // returns: nothing is left to the kernel.
  iovec vector = {reinterpret_cast<void*>(static_cast<uintptr_t>(numbers[1])),
                  static_cast<size_t>(numbers[2])};
  ssize_t bytes =
      preadv2(static_cast<int>(numbers[0]), &vector, 1, static_cast<off_t>(numbers[3]), RWF_NOWAIT);
  napi_value result;
  napi_create_int32(env, bytes < 0 ? -errno : static_cast<int32_t>(bytes), &result);
  return result;
}

}  // namespace

void ExportFiles(Napi::Env env, Napi::Object exports) {
  napi_value function;
  napi_create_function(env, "readCached", NAPI_AUTO_LENGTH, ReadCached, nullptr, &function);
  exports.Set("readCached", function);
}

}  // namespace ringlet
