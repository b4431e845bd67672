// The operations of a ring in user space, one function or two each, by family. An attempt is made by the
// ring's own thread and must not wait; work is done by a worker, which may.
#ifndef RINGLET_USER_RING_OPERATIONS_H_
#define RINGLET_USER_RING_OPERATIONS_H_

#include <cerrno>
#include <cstdint>

#include "request.h"

namespace ringlet::user_ring {

struct Operation {
  // Null where a worker is the only way.
  Outcome (*attempt)(UserRing&, Request&) = nullptr;
  // Null where it never blocks.
  int32_t (*work)(Request&) = nullptr;
  // The queue in which it waits for its descriptor, behind others; kNone where it waits for none.
  Place queue = Place::kNone;
};

// Null for those that there are none of.
const Operation* FindOperation(uint8_t opcode);

inline int32_t ResultOf(int64_t returned) { return static_cast<int32_t>(returned < 0 ? -errno : returned); }

// Work that is one system call: made again when a signal was not meant for it.
template <typename Call>
int32_t Interruptibly(Request& request, Call call) {
  for (;;) {
    if (request.is_cancelled.load(std::memory_order_relaxed)) return -ECANCELED;
    int32_t result = ResultOf(call());
    if (result != -EINTR) return result;
  }
}

template <typename Pointer>
Pointer* PointerOf(uint64_t address) {
  return reinterpret_cast<Pointer*>(static_cast<uintptr_t>(address));
}

// Has the entry name a descriptor where it has named a slot of the file table. 0 or -errno.
int32_t NameDescriptor(Request& request);
// Of a chain, what the worker that has done `done` goes on with, or null.
Request* NextOnWorker(const Request& done);

// A file with an end: a short transfer may have more behind it, and none waits for a peer.
bool IsSized(int fd);
// Whether calls on it answer from memory, as far as its file system goes: not one of a network or of a
// process.
bool IsLocalFile(int fd);

// Of open files (file_operations.cc).
Outcome AttemptTransfer(UserRing& ring, Request& request);
int32_t WorkTransfer(Request& request);
int32_t WorkFsync(Request& request);
int32_t WorkSyncRange(Request& request);
int32_t WorkAllocate(Request& request);
int32_t WorkTruncate(Request& request);
int32_t WorkAdvise(Request& request);
int32_t WorkSplice(Request& request);
Outcome AttemptInstall(UserRing& ring, Request& request);
Outcome AttemptClose(UserRing& ring, Request& request);
int32_t WorkClose(Request& request);

// SO_TYPE, or -errno; asked once.
int SocketTypeOf(Request& request);

// Of paths (path_operations.cc).
Outcome AttemptOpen(UserRing& ring, Request& request);
int32_t WorkOpen(Request& request);
Outcome AttemptStatx(UserRing& ring, Request& request);
int32_t WorkStatx(Request& request);
int32_t WorkRename(Request& request);
int32_t WorkUnlink(Request& request);
int32_t WorkMkdir(Request& request);
int32_t WorkSymlink(Request& request);
int32_t WorkLink(Request& request);
int32_t WorkGetAttribute(Request& request);
int32_t WorkSetAttribute(Request& request);

// Of sockets (socket_operations.cc, receive_operations.cc).
Outcome AttemptConnect(UserRing& ring, Request& request);
int32_t WorkConnect(Request& request);
Outcome AttemptAccept(UserRing& ring, Request& request);
Outcome AttemptSend(UserRing& ring, Request& request);
Outcome AttemptShutdown(UserRing& ring, Request& request);
Outcome AttemptReceive(UserRing& ring, Request& request);
Outcome AttemptReceiveMessage(UserRing& ring, Request& request);

// Of the ring itself (event_operations.cc).
Outcome AttemptNop(UserRing& ring, Request& request);
Outcome AttemptPoll(UserRing& ring, Request& request);
Outcome AttemptPollRemove(UserRing& ring, Request& request);
Outcome AttemptTimeout(UserRing& ring, Request& request);
Outcome AttemptTimeoutRemove(UserRing& ring, Request& request);
Outcome AttemptCancel(UserRing& ring, Request& request);
// The time that a timeout's entry names, by CLOCK_MONOTONIC; 0 when it makes no sense.
uint64_t DeadlineOf(uint64_t timespec_address, uint32_t flags);

}  // namespace ringlet::user_ring

#endif  // RINGLET_USER_RING_OPERATIONS_H_
