// System calls on files that Node has not got, and that may wait for a disk: made on a thread of libuv's
// pool, as Node makes its own. Extended attributes (xattr(7)), and what direct I/O asks for (statx(2)).
//
// What a call needs is copied before it is handed over, and its result is copied after it, so the thread
// never touches JavaScript's memory. An environment that ends waits for calls that a thread has begun.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "exports.h"
#include "napi_values.h"

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

// target: a descriptor, or a path in a Buffer.
Target ToTarget(Napi::Env env, const Napi::Value& value, const Napi::Value& is_of_link) {
  if (value.IsNumber()) return {ToInt(value), "", false};
  size_t bytes;
  auto* path = static_cast<const char*>(BytesOf(env, value, &bytes));
  return {-1, std::string(path, bytes), is_of_link.ToBoolean()};
}

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
class PoolCall : public Napi::AsyncWorker {
 public:
  PoolCall(const Napi::Function& callback, Target target)
      : Napi::AsyncWorker(callback, "ringlet:pool"), target_(std::move(target)) {}

 protected:
  std::vector<napi_value> GetResult(Napi::Env env) override {
    return {result_ < 0 ? Napi::Number::New(env, static_cast<double>(result_)) : ToValue(env)};
  }

  virtual Napi::Value ToValue(Napi::Env env) { return Napi::Number::New(env, static_cast<double>(result_)); }

  Target target_;
  ptrdiff_t result_ = 0;
};

// Yields bytes, of which nobody knows beforehand how many they are. The kernel has a limit, so room for that
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
  Napi::Value ToValue(Napi::Env env) override {
    return Napi::Buffer<char>::Copy(env, bytes_.data(), static_cast<size_t>(result_));
  }

 private:
  std::vector<char> bytes_;
};

class GetAttributeCall : public BytesCall {
 public:
  GetAttributeCall(const Napi::Function& callback, Target target, std::string name)
      : BytesCall(callback, std::move(target)), name_(std::move(name)) {}

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
  SetAttributeCall(const Napi::Function& callback, Target target, std::string name, std::string value,
                   int flags)
      : PoolCall(callback, std::move(target)),
        name_(std::move(name)),
        value_(std::move(value)),
        flags_(flags) {}

 protected:
  void Execute() override { result_ = SetAttribute(target_, name_.c_str(), value_, flags_); }

 private:
  std::string name_;
  std::string value_;
  int flags_;
};

class RemoveAttributeCall : public PoolCall {
 public:
  RemoveAttributeCall(const Napi::Function& callback, Target target, std::string name)
      : PoolCall(callback, std::move(target)), name_(std::move(name)) {}

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
  void Execute() override {
    auto* status = reinterpret_cast<struct statx*>(status_);
    result_ = ResultOf(statx(target_.fd, "", AT_EMPTY_PATH, kDirectAlignment, status));
  }
  Napi::Value ToValue(Napi::Env env) override {
    if ((Word(0) & kDirectAlignment) == 0) return env.Undefined();
    Napi::Array alignment = Napi::Array::New(env, 2);
    alignment.Set(0u, Word(kMemoryAlignOffset));
    alignment.Set(1u, Word(kMemoryAlignOffset + 4));
    return alignment;
  }

 private:
  // STATX_DIOALIGN (Linux 6.1), and where struct statx has stx_dio_mem_align; headers may lack the names.
  static constexpr uint32_t kDirectAlignment = 0x2000;
  static constexpr size_t kMemoryAlignOffset = 0x98;

  uint32_t Word(size_t offset) const { return *reinterpret_cast<const uint32_t*>(status_ + offset); }

  alignas(8) char status_[256] = {};
};

Napi::Function CallbackOf(const Napi::CallbackInfo& info) {
  return info[info.Length() - 1].As<Napi::Function>();
}

std::string TextOf(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

// getAttribute(target, isOfLink, name, callback)
void GetAttributeInPool(const Napi::CallbackInfo& info) {
  (new GetAttributeCall(CallbackOf(info), ToTarget(info.Env(), info[0], info[1]), TextOf(info[2])))->Queue();
}

// setAttribute(target, isOfLink, name, value, flags, callback)
void SetAttributeInPool(const Napi::CallbackInfo& info) {
  size_t bytes;
  auto* value = static_cast<const char*>(BytesOf(info.Env(), info[3], &bytes));
  (new SetAttributeCall(CallbackOf(info), ToTarget(info.Env(), info[0], info[1]), TextOf(info[2]),
                        std::string(value, bytes), ToInt(info[4])))
      ->Queue();
}

// listAttributes(target, isOfLink, callback)
void ListAttributesInPool(const Napi::CallbackInfo& info) {
  (new ListAttributesCall(CallbackOf(info), ToTarget(info.Env(), info[0], info[1])))->Queue();
}

// removeAttribute(target, isOfLink, name, callback)
void RemoveAttributeInPool(const Napi::CallbackInfo& info) {
  (new RemoveAttributeCall(CallbackOf(info), ToTarget(info.Env(), info[0], info[1]), TextOf(info[2])))
      ->Queue();
}

// directAlignment(fd, callback)
void DirectAlignmentInPool(const Napi::CallbackInfo& info) {
  (new DirectAlignmentCall(CallbackOf(info), {ToInt(info[0]), "", false}))->Queue();
}

}  // namespace

void ExportPoolCalls(Napi::Env env, Napi::Object exports) {
  exports.Set("getAttribute", Napi::Function::New<GetAttributeInPool>(env));
  exports.Set("setAttribute", Napi::Function::New<SetAttributeInPool>(env));
  exports.Set("listAttributes", Napi::Function::New<ListAttributesInPool>(env));
  exports.Set("removeAttribute", Napi::Function::New<RemoveAttributeInPool>(env));
  exports.Set("directAlignment", Napi::Function::New<DirectAlignmentInPool>(env));
}

}  // namespace ringlet
