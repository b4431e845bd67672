// Stands in for a Node on musl, which no package has: a program that runs on musl, loads the addon as Node
// would, and makes the half of a ring that knows neither Node-API nor libuv do its work, from the very
// objects in the addon. NODE_NAMES, a file that musl.mjs writes, defines all names that the addon expects in
// its process.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "copy_file.h"
#include "kernel_features.h"
#include "ring.h"
#include "socket_calls.h"
#include "sq_poll_groups.h"
#include "uring_syscalls.h"
#include NODE_NAMES

namespace {

constexpr uint8_t kOpRead = 22;  // IORING_OP_READ

int Fail(const char* what) {
  std::printf("failed: %s\n", what);
  return 1;
}

// Reads a file by the ring, and compares.
bool Reads(const ringlet::RingSetup& setup, const char* path) {
  ringlet::Ring ring;
  char by_ring[4096], by_call[4096];
  int fd = open(path, O_RDONLY);
  ssize_t bytes = read(fd, by_call, sizeof(by_call));
  if (ring.Open(setup) != 0 || bytes <= 0) return false;
  ringlet::abi::Sqe entry = {};
  entry.opcode = kOpRead;
  entry.fd = fd;
  entry.addr = reinterpret_cast<uint64_t>(by_ring);
  entry.len = sizeof(by_ring);
  entry.user_data = 7;
  ring.Push(entry);
  ringlet::abi::Cqe completion = {};
  if (ring.Submit() != 0) return false;
  for (int i = 0; i < 1000 && ring.Drain(&completion, 1) == 0; i++) {
    usleep(1000);
    ring.Submit();
  }
  close(fd);
  return completion.user_data == 7 && completion.res == bytes && std::memcmp(by_ring, by_call, bytes) == 0;
}

}  // namespace

int main(int, char** arguments) {
  void* addon = dlopen(arguments[1], RTLD_NOW);
  if (addon == nullptr) return Fail(dlerror());
  auto version = reinterpret_cast<int (*)()>(dlsym(addon, "node_api_module_get_api_version_v1"));
  if (version == nullptr || version() != 8) return Fail("the addon's version of Node-API");

  std::string copy = std::string(arguments[1]) + ".copy";
  int copied = ringlet::CopyFile(arguments[1], copy, 0);
  unlink(copy.c_str());
  if (copied != 0) return Fail("a copy of a file");

  sockaddr_storage address;
  uint16_t port = 0;
  if (ringlet::EncodeAddress("fe80::1%lo", 53, &address) <= 0) return Fail("an address");
  if (ringlet::DecodeAddress(address, &port) != "fe80::1%lo" || port != 53)
    return Fail("an address and back");

  ringlet::KernelFeatures features = ringlet::ProbeKernelFeatures(ringlet::RingKernel::kSystem);
  if (features.setup < 0) {
    std::printf("no ring (%s)\n", std::strerror(-features.setup));
    return 0;
  }
  ringlet::RingSetup setup = ringlet::SetUpRing({});
  if (setup.ring.fd < 0 || !Reads(setup, arguments[1])) return Fail("a read by a ring");
  ringlet::UringClose(setup.ring);
  ringlet::SqPollJoin join = ringlet::JoinSqPollGroup({"g", {}, {}, {}}, {});
  if (join.setup.ring.fd < 0 || !Reads(join.setup, arguments[1])) return Fail("a read by SQ polling");
  ringlet::LeaveSqPollGroup(join.seat, join.setup.ring.fd);
  if (!ringlet::ListSqPollGroups().empty()) return Fail("leaving a group");
  std::printf("a ring, and one with SQ polling\n");
}
