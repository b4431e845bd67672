// A ring as TypeScript holds it (NativeRing of src/native/binding.ts).
#ifndef RINGLET_NATIVE_RING_H_
#define RINGLET_NATIVE_RING_H_

#include <napi.h>

namespace ringlet {

Napi::Function DefineNativeRing(Napi::Env env);

}  // namespace ringlet

#endif  // RINGLET_NATIVE_RING_H_
