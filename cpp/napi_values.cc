#include "napi_values.h"

#include "check.h"

namespace ringlet {

uint32_t ToUint32(const Napi::Value& value) {
  RINGLET_CHECK(value.IsNumber());
  return value.As<Napi::Number>().Uint32Value();
}

int ToInt(const Napi::Value& value) {
  RINGLET_CHECK(value.IsNumber());
  return value.As<Napi::Number>().Int32Value();
}

void* BytesOf(Napi::Env env, const Napi::Value& view, size_t* bytes) {
  void* address = nullptr;
  bool is_data_view = false;
  napi_is_dataview(env, view, &is_data_view);
  if (is_data_view) {
    RINGLET_CHECK(napi_get_dataview_info(env, view, bytes, &address, nullptr, nullptr) == napi_ok);
    return address;
  }
  RINGLET_CHECK(napi_get_buffer_info(env, view, &address, bytes) == napi_ok);
  return address;
}

std::vector<int> ToIntegers(const Napi::Array& array) {
  std::vector<int> integers;
  for (uint32_t i = 0; i < array.Length(); i++) integers.push_back(ToInt(array.Get(i)));
  return integers;
}

Napi::Array ToArray(Napi::Env env, const std::vector<int>& integers) {
  Napi::Array array = Napi::Array::New(env, integers.size());
  for (uint32_t i = 0; i < integers.size(); i++) array.Set(i, integers[i]);
  return array;
}

Napi::Array ToArray(Napi::Env env, const std::vector<bool>& booleans) {
  Napi::Array array = Napi::Array::New(env, booleans.size());
  for (uint32_t i = 0; i < booleans.size(); i++) array.Set(i, static_cast<bool>(booleans[i]));
  return array;
}

}  // namespace ringlet
