// What the addon exports, by subject; each function adds its own to `exports`. The names and types that
// TypeScript sees are in src/native/binding.ts.
#ifndef RINGLET_EXPORTS_H_
#define RINGLET_EXPORTS_H_

#include <napi.h>

namespace ringlet {

// Groups of SQ threads, what the kernel can do, whom the process acts for.
void ExportProcess(Napi::Env env, Napi::Object exports);
// Files, without a ring.
void ExportFiles(Napi::Env env, Napi::Object exports);
// Calls on files that may wait for a disk, made by libuv's thread pool.
void ExportPoolCalls(Napi::Env env, Napi::Object exports);
// Sockets and their addresses.
void ExportSockets(Napi::Env env, Napi::Object exports);
// Stream sockets and listeners.
void ExportStreams(Napi::Env env, Napi::Object exports);

}  // namespace ringlet

#endif  // RINGLET_EXPORTS_H_
