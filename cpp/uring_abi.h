// The kernel's io_uring structures and numbers, up to Linux 6.18.
//
// Our own copy, because distribution headers lag years behind the kernels they run on. The layout is
// the kernel's promise to user space (io_uring_setup(2), io_uring_enter(2), io_uring_register(2));
// each size and offset that we rely on is asserted below. Depends on nothing.
#ifndef RINGLET_URING_ABI_H_
#define RINGLET_URING_ABI_H_

#include <cstddef>
#include <cstdint>

namespace ringlet::abi {

// Submission queue entry. The kernel overlays many meanings on its words; TypeScript fills them by
// offset (src/native/layout.ts), so only the words that C++ itself reads have names here.
struct Sqe {
  uint8_t opcode;
  uint8_t flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;
  uint64_t addr;
  uint32_t len;
  uint32_t op_flags;
  uint64_t user_data;
  uint16_t buf_index;
  uint16_t personality;
  int32_t file_index;
  uint64_t addr3;
  uint64_t pad;
};
static_assert(sizeof(Sqe) == 64);
static_assert(offsetof(Sqe, fd) == 4 && offsetof(Sqe, off) == 8 && offsetof(Sqe, addr) == 16);
static_assert(offsetof(Sqe, len) == 24 && offsetof(Sqe, op_flags) == 28);
static_assert(offsetof(Sqe, user_data) == 32 && offsetof(Sqe, buf_index) == 40);
static_assert(offsetof(Sqe, file_index) == 44 && offsetof(Sqe, addr3) == 48);

struct Cqe {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
};
static_assert(sizeof(Cqe) == 16 && offsetof(Cqe, res) == 8 && offsetof(Cqe, flags) == 12);

struct SqOffsets {
  uint32_t head;
  uint32_t tail;
  uint32_t ring_mask;
  uint32_t ring_entries;
  uint32_t flags;
  uint32_t dropped;
  uint32_t array;
  uint32_t resv1;
  uint64_t user_addr;
};
static_assert(sizeof(SqOffsets) == 40);

struct CqOffsets {
  uint32_t head;
  uint32_t tail;
  uint32_t ring_mask;
  uint32_t ring_entries;
  uint32_t overflow;
  uint32_t cqes;
  uint32_t flags;
  uint32_t resv1;
  uint64_t user_addr;
};
static_assert(sizeof(CqOffsets) == 40);

struct Params {
  uint32_t sq_entries;
  uint32_t cq_entries;
  uint32_t flags;
  uint32_t sq_thread_cpu;
  uint32_t sq_thread_idle;
  uint32_t features;
  uint32_t wq_fd;
  uint32_t resv[3];
  SqOffsets sq_off;
  CqOffsets cq_off;
};
static_assert(sizeof(Params) == 120);

// io_uring_setup(2) flags.
enum SetupFlag : uint32_t {
  kSetupSqPoll = 1u << 1,
  kSetupSqAff = 1u << 2,
  kSetupCqSize = 1u << 3,
  kSetupClamp = 1u << 4,
  kSetupAttachWq = 1u << 5,
  kSetupRDisabled = 1u << 6,
  kSetupSubmitAll = 1u << 7,
  kSetupCoopTaskRun = 1u << 8,
  kSetupTaskRunFlag = 1u << 9,
  kSetupSingleIssuer = 1u << 12,
  kSetupDeferTaskRun = 1u << 13,
  kSetupNoSqArray = 1u << 16,
};

// Params::features, filled in by the kernel.
enum Feature : uint32_t {
  kFeatSingleMmap = 1u << 0,
  kFeatNoDrop = 1u << 1,
  kFeatRwCurPos = 1u << 3,
  kFeatExtArg = 1u << 8,
  kFeatCqeSkip = 1u << 11,
  kFeatMinTimeout = 1u << 15,  // Linux 6.12
  kFeatNoIoWait = 1u << 17,    // Linux 6.15
};

// Offsets for mmap(2) on the ring.
constexpr uint64_t kOffSqRing = 0;
constexpr uint64_t kOffSqes = 0x10000000;

// io_uring_enter(2) flags.
enum EnterFlag : uint32_t {
  kEnterGetEvents = 1u << 0,
  kEnterSqWakeup = 1u << 1,
  kEnterSqWait = 1u << 2,
  kEnterExtArg = 1u << 3,
  kEnterRegisteredRing = 1u << 4,
  kEnterNoIoWait = 1u << 7,
};

// Bits that the kernel sets in the submission queue's flags word.
enum SqFlag : uint32_t {
  kSqNeedWakeup = 1u << 0,
  kSqCqOverflow = 1u << 1,
  kSqTaskRun = 1u << 2,
};

// A bit that we set in the completion queue's flags word.
constexpr uint32_t kCqEventFdDisabled = 1u << 0;

// Completion flags.
enum CqeFlag : uint32_t {
  kCqeBuffer = 1u << 0,
  kCqeMore = 1u << 1,
  kCqeNotification = 1u << 3,
  kCqeBufferMore = 1u << 4,  // of an incremental buffer: the kernel goes on filling it
};
// Where a completion's flags have the number of its buffer.
constexpr uint32_t kCqeBufferShift = 16;

// io_uring_register(2) opcodes.
enum RegisterOp : uint32_t {
  kRegisterEventFd = 4,
  kRegisterProbe = 8,
  kRegisterIoWqMaxWorkers = 19,
  kRegisterRingFds = 20,
  kUnregisterRingFds = 21,
  kRegisterFiles2 = 13,
  kRegisterFilesUpdate = 6,
  kRegisterBuffers2 = 15,
  kRegisterBuffersUpdate = 16,
  kRegisterBufferRing = 22,
  kUnregisterBufferRing = 23,
  kRegisterResizeRings = 33,
  kRegisterQuery = 35,
};

// struct io_uring_rsrc_register, for sparse tables of registered files and buffers.
struct ResourceRegister {
  uint32_t nr;
  uint32_t flags;
  uint64_t resv2;
  uint64_t data;
  uint64_t tags;
};
static_assert(sizeof(ResourceRegister) == 32);
constexpr uint32_t kResourceRegisterSparse = 1u << 0;

// struct io_uring_rsrc_update: files update and ring-fd registration.
struct ResourceUpdate {
  uint32_t offset;
  uint32_t resv;
  uint64_t data;
};
static_assert(sizeof(ResourceUpdate) == 16);

// struct io_uring_rsrc_update2: buffers update.
struct ResourceUpdate2 {
  uint32_t offset;
  uint32_t resv;
  uint64_t data;
  uint64_t tags;
  uint32_t nr;
  uint32_t resv2;
};
static_assert(sizeof(ResourceUpdate2) == 32);

struct ProbeOp {
  uint8_t op;
  uint8_t resv;
  uint16_t flags;
  uint32_t resv2;
};
static_assert(sizeof(ProbeOp) == 8);
constexpr uint16_t kProbeOpSupported = 1u << 0;

struct ProbeHeader {
  uint8_t last_op;
  uint8_t ops_len;
  uint16_t resv;
  uint32_t resv2[3];
};
static_assert(sizeof(ProbeHeader) == 16);

// struct io_uring_buf_reg.
struct BufferRingRegister {
  uint64_t ring_addr;
  uint32_t ring_entries;
  uint16_t bgid;
  uint16_t flags;
  uint64_t resv[3];
};
static_assert(sizeof(BufferRingRegister) == 40);
// BufferRingRegister::flags: a buffer may be consumed in parts (Linux 6.12).
constexpr uint16_t kBufferRingIncremental = 1u << 1;

// struct io_uring_query_hdr and io_uring_query_opcode, without what came after Linux 6.18.
struct QueryHeader {
  uint64_t next_entry;
  uint64_t query_data;
  uint32_t query_op;
  uint32_t size;
  int32_t result;
  uint32_t resv[3];
};
static_assert(sizeof(QueryHeader) == 40 && offsetof(QueryHeader, result) == 24);

struct QueryOpcodes {
  uint32_t request_opcodes;
  uint32_t register_opcodes;
  uint64_t features;
  uint64_t setup_flags;
  uint64_t enter_flags;
  uint64_t sqe_flags;
};
static_assert(sizeof(QueryOpcodes) == 40);
constexpr uint32_t kQueryOpcodes = 0;

// struct io_uring_buf: an entry of a provided-buffer ring. The ring's tail lies over the first entry's
// last two bytes.
struct BufferRingEntry {
  uint64_t addr;
  uint32_t len;
  uint16_t bid;
  uint16_t resv;
};
static_assert(sizeof(BufferRingEntry) == 16 && offsetof(BufferRingEntry, resv) == 14);

// struct io_uring_getevents_arg, with the kernel's struct __kernel_timespec.
struct GetEventsArg {
  uint64_t sigmask;
  uint32_t sigmask_sz;
  uint32_t min_wait_usec;
  uint64_t ts;
};
static_assert(sizeof(GetEventsArg) == 24);

struct KernelTimespec {
  int64_t tv_sec;
  int64_t tv_nsec;
};
static_assert(sizeof(KernelTimespec) == 16);

// Opcodes of entries; TypeScript has its own list.
enum Op : uint8_t {
  kOpNop = 0,
  kOpReadv = 1,
  kOpWritev = 2,
  kOpFsync = 3,
  kOpPollAdd = 6,
  kOpPollRemove = 7,
  kOpSyncFileRange = 8,
  kOpSendMsg = 9,
  kOpRecvMsg = 10,
  kOpTimeout = 11,
  kOpTimeoutRemove = 12,
  kOpAccept = 13,
  kOpAsyncCancel = 14,
  kOpLinkTimeout = 15,
  kOpConnect = 16,
  kOpFallocate = 17,
  kOpOpenAt = 18,
  kOpClose = 19,
  kOpStatx = 21,
  kOpRead = 22,
  kOpWrite = 23,
  kOpFadvise = 24,
  kOpSend = 26,
  kOpRecv = 27,
  kOpOpenAt2 = 28,
  kOpSplice = 30,
  kOpShutdown = 34,
  kOpRenameAt = 35,
  kOpUnlinkAt = 36,
  kOpMkdirAt = 37,
  kOpSymlinkAt = 38,
  kOpLinkAt = 39,
  kOpFsetXattr = 41,
  kOpSetXattr = 42,
  kOpFgetXattr = 43,
  kOpGetXattr = 44,
  kOpSendZc = 47,
  kOpSendMsgZc = 48,
  kOpFixedFdInstall = 54,
  kOpFtruncate = 55,
};

// ASYNC_CANCEL flags (in Sqe::op_flags).
enum CancelFlag : uint32_t {
  kCancelAll = 1u << 0,
  kCancelAny = 1u << 2,
};

// Sqe::ioprio of a receive: stay armed.
constexpr uint16_t kReceiveMultishot = 1u << 1;
// The same: several buffers by one completion (Linux 6.10).
constexpr uint16_t kReceiveBundle = 1u << 4;

// Sqe::flags.
enum SqeFlag : uint8_t {
  kSqeFixedFile = 1u << 0,
  kSqeIoLink = 1u << 2,
  kSqeIoHardlink = 1u << 3,
  kSqeAsync = 1u << 4,
  kSqeBufferSelect = 1u << 5,
  kSqeCqeSkipSuccess = 1u << 6,
};

// Entries are clamped to these by the kernel (IORING_MAX_ENTRIES, IORING_MAX_CQ_ENTRIES).
constexpr uint32_t kMaxSubmissionEntries = 32768;
constexpr uint32_t kMaxCompletionEntries = 65536;

}  // namespace ringlet::abi

#endif  // RINGLET_URING_ABI_H_
