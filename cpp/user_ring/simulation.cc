#include "simulation.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "../libc_calls.h"
#include "operations.h"

namespace ringlet::user_ring {
namespace {

struct Armed {
  uint32_t seed = 0;
  KernelGaps gaps;
  bool is_set = false;
};

// Per thread, as injected faults are.
thread_local Armed armed;
thread_local uint64_t counts[static_cast<size_t>(Mischief::kCount)];

constexpr uint32_t kRoundsMax = 6;
// A cancel is asked for again, but not for ever.
constexpr uint8_t kLostCancelsMax = 3;

// Those that are over when the call that submits them returns.
bool IsImmediate(uint8_t opcode) {
  return opcode == abi::kOpNop || opcode == abi::kOpAsyncCancel || opcode == abi::kOpPollRemove ||
         opcode == abi::kOpTimeoutRemove;
}

// Whether a file may take or give less than it has room for: one with an end, or a pipe, which takes little
// pieces whole (pipe(7)).
bool MayFallShort(const Request& request) {
  struct stat status;
  if (FileStatus(request.sqe.fd, &status) < 0) return false;
  if (S_ISFIFO(status.st_mode)) return request.sqe.opcode == abi::kOpRead;
  return S_ISREG(status.st_mode) && (fcntl(request.sqe.fd, F_GETFL) & O_DIRECT) == 0;
}

}  // namespace

void Simulation::Arm(uint32_t seed, const KernelGaps& gaps) {
  bool has_gaps = (gaps.opcodes | gaps.registrations | gaps.setup_flags | gaps.receive_flags |
                   gaps.buffer_ring_flags) != 0;
  armed = {seed, gaps, seed != 0 || has_gaps};
}

std::unique_ptr<Simulation> Simulation::OfNextRing() {
  if (!armed.is_set) [[likely]]
    return nullptr;
  auto made = std::unique_ptr<Simulation>(new Simulation(armed.seed, armed.gaps));
  // Each ring has numbers of its own.
  if (armed.seed != 0) armed.seed = std::max(armed.seed + 1, 1u);
  return made;
}

uint64_t Simulation::CountOf(Mischief mischief) { return counts[static_cast<size_t>(mischief)]; }

void Simulation::Note(Mischief mischief) { counts[static_cast<size_t>(mischief)]++; }

int Simulation::Noted(Mischief mischief, int error) {
  Note(mischief);
  return error;
}

bool Simulation::Happens(uint32_t percent, Mischief mischief) {
  bool happens = Happens(percent);
  if (happens) Note(mischief);
  return happens;
}

Simulation::Simulation(uint32_t seed, const KernelGaps& gaps)
    : state_(uint64_t{seed} * 0x9e3779b97f4a7c15 + 1), is_seeded_(seed != 0), gaps_(gaps) {
  if (!is_seeded_) return;
  for (uint32_t* percent : {&fail_enter_, &stop_submitting_, &delay_completion_, &fail_request_,
                            &shorten_transfer_, &end_multishot_, &run_out_of_buffers_, &prefer_worker_,
                            &refuse_worker_, &refuse_resize_, &lose_cancel_race_, &withhold_room_}) {
    *percent = DrawPercent();
  }
}

uint32_t Simulation::DrawPercent() {
  constexpr uint32_t kPercents[] = {0, 0, 1, 3, 10, 30};
  return kPercents[Below(std::size(kPercents))];
}

// SplitMix64.
uint32_t Simulation::Next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = (state_ ^ state_ >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return static_cast<uint32_t>(mixed >> 32);
}

int Simulation::FailEnter(bool is_submitting) {
  if (!Happens(fail_enter_)) return 0;
  // Only what is submitted takes memory.
  switch (Below(is_submitting ? 4 : 1)) {
    case 0:
      return Noted(Mischief::enterInterrupted, -EINTR);
    case 1:
      return Noted(Mischief::enterRefused, -EAGAIN);
    case 2:
      return Noted(Mischief::enterRefused, -EBUSY);
    default:
      return Noted(Mischief::enterWithoutMemory, -ENOMEM);
  }
}

uint32_t Simulation::DelayCompletion(const Request& request) {
  if (IsImmediate(request.sqe.opcode) || !Happens(delay_completion_, Mischief::delayed)) return 0;
  return 1 + Below(kRoundsMax);
}

int Simulation::FailRequest(const Request& request) {
  if (!Happens(fail_request_) || Below(4) != 0) return 0;
  switch (request.sqe.opcode) {
    case abi::kOpAccept:
      return Noted(Mischief::requestInterrupted, -EINTR);
    // What their preparation copies takes memory.
    case abi::kOpReadv:
    case abi::kOpWritev:
    case abi::kOpSendMsg:
    case abi::kOpRecvMsg:
    case abi::kOpOpenAt:
    case abi::kOpOpenAt2:
    case abi::kOpStatx:
    case abi::kOpRenameAt:
    case abi::kOpUnlinkAt:
    case abi::kOpTimeout:
    case abi::kOpPollAdd:
      return Noted(Mischief::requestWithoutMemory, -ENOMEM);
    // One that stays armed.
    case abi::kOpRecv:
      if ((request.sqe.ioprio & abi::kReceiveMultishot) == 0) return 0;
      return Noted(Mischief::requestWithoutMemory, -ENOMEM);
    default:
      return 0;
  }
}

bool Simulation::ShortenTransfer(Request* request) {
  abi::Sqe& sqe = request->sqe;
  if (request->has_flag(abi::kSqeBufferSelect) || sqe.len < 2 || !Happens(shorten_transfer_)) return false;
  switch (sqe.opcode) {
    case abi::kOpRead:
    case abi::kOpWrite:
    case abi::kOpReadv:
    case abi::kOpWritev:
      if (!MayFallShort(*request)) return false;
      break;
    case abi::kOpSend:
    case abi::kOpRecv:
      // Of a message, less is another message.
      if (SocketTypeOf(*request) != SOCK_STREAM) return false;
      break;
    default:
      return false;
  }
  sqe.len = 1 + Below(sqe.len - 1);
  Note(Mischief::shortened);
  return true;
}

int Simulation::FailRegistration(uint32_t opcode, const void* arg) {
  if (opcode < 64 && (gaps_.registrations >> opcode & 1) != 0) return -EINVAL;
  if (opcode == abi::kRegisterBufferRing) {
    const auto& wanted = *static_cast<const abi::BufferRingRegister*>(arg);
    return (wanted.flags & gaps_.buffer_ring_flags) != 0 ? -EINVAL : 0;
  }
  bool is_refused = opcode == abi::kRegisterResizeRings && Happens(refuse_resize_, Mischief::resizeRefused);
  return is_refused ? -ENOMEM : 0;
}

int Simulation::LoseCancelRace(Request* request) {
  if (request->lost_cancels == kLostCancelsMax || !Happens(lose_cancel_race_)) return 0;
  request->lost_cancels++;
  if (Below(2) == 0) return Noted(Mischief::cancelNotFound, -ENOENT);
  return Noted(Mischief::cancelTooLate, -EALREADY);
}

}  // namespace ringlet::user_ring
