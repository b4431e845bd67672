// System calls on files that Node has not got, and that may wait for a disk: made on a thread of libuv's
// pool, as Node makes its own. Extended attributes (xattr(7)), what direct I/O asks for (statx(2)), and
// copying files.
//
// What a call needs is copied before it is handed over, and its result is copied after it, so the thread
// never touches JavaScript's memory. An environment that ends waits for calls that a thread has begun.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "copy_file.h"
#include "exports.h"
#include "libc_calls.h"

namespace ringlet {
namespace {

// What a value, and a list of names, has at most (XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h).
constexpr size_t kAttributeBytesMax = 65536;

// A file as a call names it: by a descriptor, or by a path, whose last link is followed or not.
struct Target {
  int fd = -1;
  std::string path;
  bool is_of_link = false;
};

ptrdiff_t ResultOf(ptrdiff_t returned) { return returned < 0 ? -errno : returned; }

ptrdiff_t GetAttribute(const Target& target, const char* name, void* value, size_t bytes) {
  if (target.fd >= 0) return ResultOf(fgetxattr(target.fd, name, value, bytes));
  const char* path = target.path.c_str();
  return ResultOf(target.is_of_link ? lgetxattr(path, name, value, bytes)
                                    : getxattr(path, name, value, bytes));
}

ptrdiff_t SetAttribute(const Target& target, const char* name, const std::string& value, int flags) {
  if (target.fd >= 0) return ResultOf(fsetxattr(target.fd, name, value.data(), value.size(), flags));
  const char* path = target.path.c_str();
  return ResultOf(target.is_of_link ? lsetxattr(path, name, value.data(), value.size(), flags)
                                    : setxattr(path, name, value.data(), value.size(), flags));
}

ptrdiff_t ListAttributes(const Target& target, char* names, size_t bytes) {
  if (target.fd >= 0) return ResultOf(flistxattr(target.fd, names, bytes));
  const char* path = target.path.c_str();
  return ResultOf(target.is_of_link ? llistxattr(path, names, bytes) : listxattr(path, names, bytes));
}

ptrdiff_t RemoveAttribute(const Target& target, const char* name) {
  if (target.fd >= 0) return ResultOf(fremovexattr(target.fd, name));
  const char* path = target.path.c_str();
  return ResultOf(target.is_of_link ? lremovexattr(path, name) : removexattr(path, name));
}

// One call: `Execute` on a thread of the pool, everything else on the environment's. Its callback gets a
// negative errno, or what `ToValue` makes of the result.
//
// Without node-addon-api's AsyncWorker: an environment that is being terminated refuses what would run
// JavaScript, which that takes for fatal. Here such a call is dropped, for there is no caller left to hear of
// it.
class PoolCall {
 public:
  explicit PoolCall(Target target) : target_(std::move(target)) {}
  virtual ~PoolCall() = default;
  PoolCall(const PoolCall&) = delete;
  PoolCall& operator=(const PoolCall&) = delete;

  static void Queue(std::unique_ptr<PoolCall> call, napi_env env, napi_value callback) {
    napi_value name;
    if (napi_create_string_utf8(env, "ringlet:pool", NAPI_AUTO_LENGTH, &name) != napi_ok) return;
    if (napi_create_reference(env, callback, 1, &call->callback_) != napi_ok) return;
    PoolCall* raw = call.get();
    bool is_queued =
        napi_create_async_work(env, nullptr, name, OnExecute, OnComplete, raw, &call->work_) == napi_ok &&
        napi_queue_async_work(env, call->work_) == napi_ok;
    // SAFETY: kept alive by the queue until `OnComplete`, which is called also when the environment ends.
    if (is_queued) {
      call.release();
    } else {
      call->Drop(env);
    }
  }

 protected:
  virtual void Execute() = 0;
  virtual napi_status ToValue(napi_env env, napi_value* value) {
    return napi_create_int32(env, static_cast<int32_t>(result_), value);
  }

  Target target_;
  ptrdiff_t result_ = 0;

 private:
  static void OnExecute(napi_env, void* call) { static_cast<PoolCall*>(call)->Execute(); }

  static void OnComplete(napi_env env, napi_status status, void* raw) {
    std::unique_ptr<PoolCall> call(static_cast<PoolCall*>(raw));
    napi_value callback, undefined, value;
    bool is_deliverable =
        status == napi_ok && napi_get_reference_value(env, call->callback_, &callback) == napi_ok &&
        napi_get_undefined(env, &undefined) == napi_ok &&
        (call->result_ < 0 ? napi_create_int32(env, static_cast<int32_t>(call->result_), &value)
                           : call->ToValue(env, &value)) == napi_ok;
    call->Drop(env);
    if (is_deliverable) napi_call_function(env, undefined, callback, 1, &value, nullptr);
  }

  void Drop(napi_env env) {
    if (work_ != nullptr) napi_delete_async_work(env, work_);
    napi_delete_reference(env, callback_);
  }

  napi_ref callback_ = nullptr;
  napi_async_work work_ = nullptr;
};

// Yields bytes, whose number is not known beforehand. The kernel has a limit, so room for that
// many is always enough, and a value that is changed meanwhile is no race.
class BytesCall : public PoolCall {
 public:
  using PoolCall::PoolCall;

 protected:
  void Execute() final {
    bytes_.resize(kAttributeBytesMax);
    result_ = Fill(bytes_.data(), bytes_.size());
  }
  virtual ptrdiff_t Fill(char* into, size_t bytes) = 0;
  napi_status ToValue(napi_env env, napi_value* value) override {
    return napi_create_buffer_copy(env, static_cast<size_t>(result_), bytes_.data(), nullptr, value);
  }

 private:
  std::vector<char> bytes_;
};

class GetAttributeCall : public BytesCall {
 public:
  GetAttributeCall(Target target, std::string name) : BytesCall(std::move(target)), name_(std::move(name)) {}

 protected:
  ptrdiff_t Fill(char* into, size_t bytes) override {
    return GetAttribute(target_, name_.c_str(), into, bytes);
  }

 private:
  std::string name_;
};

class ListAttributesCall : public BytesCall {
 public:
  using BytesCall::BytesCall;

 protected:
  ptrdiff_t Fill(char* into, size_t bytes) override { return ListAttributes(target_, into, bytes); }
};

class SetAttributeCall : public PoolCall {
 public:
  SetAttributeCall(Target target, std::string name, std::string value, int flags)
      : PoolCall(std::move(target)), name_(std::move(name)), value_(std::move(value)), flags_(flags) {}

 protected:
  void Execute() override { result_ = SetAttribute(target_, name_.c_str(), value_, flags_); }

 private:
  std::string name_;
  std::string value_;
  int flags_;
};

class RemoveAttributeCall : public PoolCall {
 public:
  RemoveAttributeCall(Target target, std::string name)
      : PoolCall(std::move(target)), name_(std::move(name)) {}

 protected:
  void Execute() override { result_ = RemoveAttribute(target_, name_.c_str()); }

 private:
  std::string name_;
};

// Yields [memory alignment, offset alignment], both 0 where the file has no direct I/O; undefined where the
// kernel does not say.
class DirectAlignmentCall : public PoolCall {
 public:
  using PoolCall::PoolCall;

 protected:
  void Execute() override { result_ = ResultOf(ExtendedStatus(target_.fd, 0, kDirectAlignment, status_)); }
  napi_status ToValue(napi_env env, napi_value* value) override {
    if ((Word(0) & kDirectAlignment) == 0) return napi_get_undefined(env, value);
    napi_value memory, offset;
    bool is_made = napi_create_array_with_length(env, 2, value) == napi_ok &&
                   napi_create_uint32(env, Word(kMemoryAlignOffset), &memory) == napi_ok &&
                   napi_create_uint32(env, Word(kMemoryAlignOffset + 4), &offset) == napi_ok &&
                   napi_set_element(env, *value, 0, memory) == napi_ok &&
                   napi_set_element(env, *value, 1, offset) == napi_ok;
    return is_made ? napi_ok : napi_generic_failure;
  }

 private:
  // STATX_DIOALIGN (Linux 6.1), and where struct statx has stx_dio_mem_align; headers may lack the names.
  static constexpr uint32_t kDirectAlignment = 0x2000;
  static constexpr size_t kMemoryAlignOffset = 0x98;

  uint32_t Word(size_t offset) const { return *reinterpret_cast<const uint32_t*>(status_ + offset); }

  alignas(8) char status_[256] = {};
};

class CopyFileCall : public PoolCall {
 public:
  CopyFileCall(std::string from, std::string to, int mode)
      : PoolCall({}), from_(std::move(from)), to_(std::move(to)), mode_(mode) {}

 protected:
  void Execute() override { result_ = CopyFile(from_, to_, mode_); }

 private:
  std::string from_;
  std::string to_;
  int mode_;
};

// A portion of a copy. Yields [copied bytes, bytes of the source by its own word, whether that was all].
class ContinueCopyCall : public PoolCall {
 public:
  ContinueCopyCall(std::shared_ptr<FileCopy> copy, int bytes)
      : PoolCall({}), copy_(std::move(copy)), bytes_(bytes) {}

 protected:
  void Execute() override { result_ = copy_->Continue(bytes_); }
  napi_status ToValue(napi_env env, napi_value* value) override {
    napi_value copied, size, is_done;
    bool is_made = napi_create_array_with_length(env, 3, value) == napi_ok &&
                   napi_create_int64(env, copy_->copied_bytes(), &copied) == napi_ok &&
                   napi_create_int64(env, copy_->source_bytes(), &size) == napi_ok &&
                   napi_get_boolean(env, copy_->is_done(), &is_done) == napi_ok &&
                   napi_set_element(env, *value, 0, copied) == napi_ok &&
                   napi_set_element(env, *value, 1, size) == napi_ok &&
                   napi_set_element(env, *value, 2, is_done) == napi_ok;
    return is_made ? napi_ok : napi_generic_failure;
  }

 private:
  std::shared_ptr<FileCopy> copy_;
  int bytes_;
};

class GiveUpCopyCall : public PoolCall {
 public:
  explicit GiveUpCopyCall(std::shared_ptr<FileCopy> copy) : PoolCall({}), copy_(std::move(copy)) {}

 protected:
  void Execute() override { copy_->GiveUp(); }

 private:
  std::shared_ptr<FileCopy> copy_;
};

// The arguments of a call, as our own TypeScript passes them.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    RINGLET_CHECK(napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr) == napi_ok);
  }

  napi_value last() const { return values_[count_ - 1]; }

  int Integer(int index) const {
    int32_t number;
    RINGLET_CHECK(napi_get_value_int32(env_, values_[index], &number) == napi_ok);
    return number;
  }

  std::string Text(int index) const {
    size_t length;
    RINGLET_CHECK(napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) == napi_ok);
    std::string text(length + 1, '\0');
    RINGLET_CHECK(napi_get_value_string_utf8(env_, values_[index], text.data(), length + 1, &length) ==
                  napi_ok);
    text.resize(length);
    return text;
  }

  std::string Bytes(int index) const {
    void* bytes;
    size_t length;
    RINGLET_CHECK(napi_get_buffer_info(env_, values_[index], &bytes, &length) == napi_ok);
    return length == 0 ? std::string() : std::string(static_cast<const char*>(bytes), length);
  }

  std::shared_ptr<FileCopy> Copy(int index) const {
    void* copy;
    RINGLET_CHECK(napi_get_value_external(env_, values_[index], &copy) == napi_ok);
    return *static_cast<std::shared_ptr<FileCopy>*>(copy);
  }

  // The first two: a descriptor, or a path in a Buffer; and whether a link is not followed.
  Target target() const {
    napi_valuetype type;
    bool is_of_link;
    RINGLET_CHECK(napi_typeof(env_, values_[0], &type) == napi_ok);
    if (type == napi_number) return {Integer(0), "", false};
    RINGLET_CHECK(napi_get_value_bool(env_, values_[1], &is_of_link) == napi_ok);
    return {-1, Bytes(0), is_of_link};
  }

 private:
  napi_env env_;
  size_t count_ = 6;
  napi_value values_[6];
};

using MadeCall = std::unique_ptr<PoolCall>;

template <MadeCall (*make)(const Arguments&)>
napi_value InPool(napi_env env, napi_callback_info info) {
  Arguments given(env, info);
  PoolCall::Queue(make(given), env, given.last());
  return nullptr;
}

// (target, isOfLink, name, callback)
MadeCall MakeGetAttribute(const Arguments& given) {
  return std::make_unique<GetAttributeCall>(given.target(), given.Text(2));
}

// (target, isOfLink, name, value, flags, callback)
MadeCall MakeSetAttribute(const Arguments& given) {
  return std::make_unique<SetAttributeCall>(given.target(), given.Text(2), given.Bytes(3), given.Integer(4));
}

// (target, isOfLink, callback)
MadeCall MakeListAttributes(const Arguments& given) {
  return std::make_unique<ListAttributesCall>(given.target());
}

// (target, isOfLink, name, callback)
MadeCall MakeRemoveAttribute(const Arguments& given) {
  return std::make_unique<RemoveAttributeCall>(given.target(), given.Text(2));
}

// (fd, callback)
MadeCall MakeDirectAlignment(const Arguments& given) {
  return std::make_unique<DirectAlignmentCall>(given.target());
}

// (from, to, mode, callback)
MadeCall MakeCopyFile(const Arguments& given) {
  return std::make_unique<CopyFileCall>(given.Bytes(0), given.Bytes(1), given.Integer(2));
}

// (copy, bytes, callback)
MadeCall MakeContinueCopy(const Arguments& given) {
  return std::make_unique<ContinueCopyCall>(given.Copy(0), given.Integer(1));
}

// (copy, callback)
MadeCall MakeGiveUpCopy(const Arguments& given) { return std::make_unique<GiveUpCopyCall>(given.Copy(0)); }

// (from, to, mode): a copy that has not begun.
napi_value BeginCopy(napi_env env, napi_callback_info info) {
  Arguments given(env, info);
  auto copy = std::make_unique<std::shared_ptr<FileCopy>>(
      new FileCopy(given.Bytes(0), given.Bytes(1), given.Integer(2)));
  auto drop = [](napi_env, void* dropped, void*) { delete static_cast<std::shared_ptr<FileCopy>*>(dropped); };
  napi_value external;
  // SAFETY: kept alive by the external until it is collected, and by each call until `OnComplete`.
  if (napi_create_external(env, copy.get(), drop, nullptr, &external) != napi_ok) return nullptr;
  copy.release();
  return external;
}

}  // namespace

void ExportPoolCalls(Napi::Env env, Napi::Object exports) {
  const std::pair<const char*, napi_callback> functions[] = {
      {"getAttribute", InPool<MakeGetAttribute>},
      {"setAttribute", InPool<MakeSetAttribute>},
      {"listAttributes", InPool<MakeListAttributes>},
      {"removeAttribute", InPool<MakeRemoveAttribute>},
      {"directAlignment", InPool<MakeDirectAlignment>},
      {"copyFile", InPool<MakeCopyFile>},
      {"beginCopy", BeginCopy},
      {"continueCopy", InPool<MakeContinueCopy>},
      {"giveUpCopy", InPool<MakeGiveUpCopy>},
  };
  for (const auto& [name, function] : functions) {
    napi_value made;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &made);
    exports.Set(name, made);
  }
}

}  // namespace ringlet
