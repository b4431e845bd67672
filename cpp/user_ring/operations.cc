#include "operations.h"

#include <atomic>

#include "../uring_abi.h"

namespace ringlet::user_ring {
namespace {

constexpr uint32_t kOpcodes = 64;

struct Table {
  Operation operations[kOpcodes];
};

constexpr Table MakeTable() {
  Table table = {};
  auto& at = table.operations;
  at[abi::kOpNop] = {AttemptNop};
  at[abi::kOpReadv] = {AttemptTransfer, WorkTransfer, Place::kReads};
  at[abi::kOpWritev] = {AttemptTransfer, WorkTransfer, Place::kWrites};
  at[abi::kOpFsync] = {nullptr, WorkFsync};
  at[abi::kOpPollAdd] = {AttemptPoll};
  at[abi::kOpPollRemove] = {AttemptPollRemove};
  at[abi::kOpSyncFileRange] = {nullptr, WorkSyncRange};
  at[abi::kOpSendMsg] = {AttemptSend, nullptr, Place::kWrites};
  at[abi::kOpRecvMsg] = {AttemptReceiveMessage, nullptr, Place::kReads};
  at[abi::kOpTimeout] = {AttemptTimeout};
  at[abi::kOpTimeoutRemove] = {AttemptTimeoutRemove};
  at[abi::kOpAccept] = {AttemptAccept, nullptr, Place::kReads};
  at[abi::kOpAsyncCancel] = {AttemptCancel};
  at[abi::kOpConnect] = {AttemptConnect, WorkConnect};
  at[abi::kOpFallocate] = {nullptr, WorkAllocate};
  at[abi::kOpOpenAt] = {AttemptOpen, WorkOpen};
  at[abi::kOpClose] = {AttemptClose, WorkClose};
  at[abi::kOpStatx] = {AttemptStatx, WorkStatx};
  at[abi::kOpRead] = {AttemptTransfer, WorkTransfer, Place::kReads};
  at[abi::kOpWrite] = {AttemptTransfer, WorkTransfer, Place::kWrites};
  at[abi::kOpFadvise] = {nullptr, WorkAdvise};
  at[abi::kOpSend] = {AttemptSend, nullptr, Place::kWrites};
  at[abi::kOpRecv] = {AttemptReceive, nullptr, Place::kReads};
  at[abi::kOpOpenAt2] = {AttemptOpen, WorkOpen};
  at[abi::kOpSplice] = {nullptr, WorkSplice};
  at[abi::kOpShutdown] = {AttemptShutdown};
  at[abi::kOpRenameAt] = {nullptr, WorkRename};
  at[abi::kOpUnlinkAt] = {nullptr, WorkUnlink};
  at[abi::kOpMkdirAt] = {nullptr, WorkMkdir};
  at[abi::kOpSymlinkAt] = {nullptr, WorkSymlink};
  at[abi::kOpLinkAt] = {nullptr, WorkLink};
  for (uint8_t get : {abi::kOpGetXattr, abi::kOpFgetXattr}) at[get] = {nullptr, WorkGetAttribute};
  for (uint8_t set : {abi::kOpSetXattr, abi::kOpFsetXattr}) at[set] = {nullptr, WorkSetAttribute};
  at[abi::kOpFixedFdInstall] = {AttemptInstall};
  at[abi::kOpFtruncate] = {nullptr, WorkTruncate};
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

const Operation* FindOperation(uint8_t opcode) {
  if (opcode >= kOpcodes) return nullptr;
  const Operation* operation = &kTable.operations[opcode];
  return operation->attempt == nullptr && operation->work == nullptr ? nullptr : operation;
}

int32_t NameDescriptor(Request& request) {
  abi::Sqe& sqe = request.sqe;
  bool is_close = sqe.opcode == abi::kOpClose && sqe.file_index != 0;
  if (!is_close && !request.has_flag(abi::kSqeFixedFile)) return 0;
  if (request.slot == nullptr) return is_close ? -ENXIO : -EBADF;
  // The slot of what is closed is free at once, as it is with the kernel, also where closing takes a while.
  int fd = is_close ? request.slot->exchange(-1, std::memory_order_relaxed)
                    : request.slot->load(std::memory_order_relaxed);
  if (fd < 0) return -EBADF;
  sqe.fd = fd;
  sqe.file_index = 0;
  sqe.flags &= static_cast<uint8_t>(~abi::kSqeFixedFile);
  return 0;
}

Request* NextOnWorker(const Request& done) {
  Request* next = done.following;
  if (next == nullptr || !next->stays_on_worker || !done.lets_go_on(done.result)) return nullptr;
  if (NameDescriptor(*next) < 0) return nullptr;
  // What may wait for a peer waits without a thread, unless it has asked for one.
  bool waits = FindOperation(next->sqe.opcode)->queue != Place::kNone && !IsSized(next->sqe.fd);
  return waits && !next->has_flag(abi::kSqeAsync) ? nullptr : next;
}

}  // namespace ringlet::user_ring
