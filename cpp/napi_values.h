// Conversions between JavaScript's values and ours, for the files that export to TypeScript. What comes from
// our own code (src/uring), which has validated what users typed, is only CHECKed.
#ifndef RINGLET_NAPI_VALUES_H_
#define RINGLET_NAPI_VALUES_H_

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringlet {

uint32_t ToUint32(const Napi::Value& value);
int ToInt(const Napi::Value& value);
std::vector<int> ToIntegers(const Napi::Array& array);
Napi::Array ToArray(Napi::Env env, const std::vector<int>& integers);
Napi::Array ToArray(Napi::Env env, const std::vector<bool>& booleans);

// The bytes that a view shows, whether over an ArrayBuffer or a SharedArrayBuffer.
void* BytesOf(Napi::Env env, const Napi::Value& view, size_t* bytes);

}  // namespace ringlet

#endif  // RINGLET_NAPI_VALUES_H_
