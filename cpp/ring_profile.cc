#include "ring_profile.h"

#include <algorithm>
#include <cerrno>

#include "uring_syscalls.h"

namespace ringlet {
namespace {

struct NamedFlag {
  uint32_t flag;
  const char* name;
  const char* since;  // first kernel that knows it, for the reason we report
};

// Newest first: the order in which an old kernel makes us give them up. DEFER_TASKRUN needs
// SINGLE_ISSUER and so comes before it.
constexpr NamedFlag kOptionalFlags[] = {
    {abi::kSetupNoSqArray, "NO_SQARRAY", "6.6"},       {abi::kSetupDeferTaskRun, "DEFER_TASKRUN", "6.1"},
    {abi::kSetupSingleIssuer, "SINGLE_ISSUER", "6.0"}, {abi::kSetupTaskRunFlag, "TASKRUN_FLAG", "5.19"},
    {abi::kSetupCoopTaskRun, "COOP_TASKRUN", "5.19"},  {abi::kSetupSubmitAll, "SUBMIT_ALL", "5.18"},
};

constexpr NamedFlag kOtherFlags[] = {
    {abi::kSetupSqPoll, "SQPOLL", "5.1"},      {abi::kSetupSqAff, "SQ_AFF", "5.1"},
    {abi::kSetupCqSize, "CQSIZE", "5.5"},      {abi::kSetupClamp, "CLAMP", "5.6"},
    {abi::kSetupAttachWq, "ATTACH_WQ", "5.6"},
};

constexpr uint32_t kTaskRunFlags = abi::kSetupDeferTaskRun | abi::kSetupCoopTaskRun | abi::kSetupTaskRunFlag;

uint32_t TaskRunFlags(TaskRun task_run) {
  switch (task_run) {
    case TaskRun::kBest:
    case TaskRun::kDefer:
      return abi::kSetupDeferTaskRun | abi::kSetupTaskRunFlag;
    case TaskRun::kCooperative:
      return abi::kSetupCoopTaskRun | abi::kSetupTaskRunFlag;
    case TaskRun::kInterrupt:
      return 0;
  }
  return 0;
}

uint32_t WantedFlags(const RingRequest& request) {
  uint32_t flags = abi::kSetupSingleIssuer | abi::kSetupClamp | abi::kSetupCqSize | abi::kSetupNoSqArray |
                   abi::kSetupSubmitAll;
  if (!request.is_sq_poll) return flags | TaskRunFlags(request.task_run);
  flags |= abi::kSetupSqPoll;
  // The kernel ignores a CPU asked for while attaching: the thread keeps the pin it has.
  if (request.attach_fd >= 0) return flags | abi::kSetupAttachWq;
  return request.cpu >= 0 ? flags | abi::kSetupSqAff : flags;
}

// Gives up one flag after an EINVAL; false when nothing is left to give up.
bool DropNewestFlag(const RingRequest& request, uint32_t* flags, std::vector<Degradation>* degraded) {
  for (const NamedFlag& optional : kOptionalFlags) {
    if ((*flags & optional.flag) == 0) continue;
    if (request.task_run != TaskRun::kBest && (optional.flag & kTaskRunFlags) != 0) continue;
    *flags &= ~optional.flag;
    if (optional.flag == abi::kSetupDeferTaskRun) *flags |= abi::kSetupCoopTaskRun;
    degraded->push_back({optional.name, std::string("refused with EINVAL; needs Linux ") + optional.since});
    return true;
  }
  return false;
}

bool HalveEntries(const RingRequest& request, uint32_t* submission, uint32_t* completion) {
  uint32_t halved = *completion / 2;
  if (halved < std::max(request.completion_entries_min, 1u)) return false;
  *completion = halved;
  // The kernel refuses a completion queue smaller than the submission queue.
  *submission = std::min(*submission, halved);
  return true;
}

}  // namespace

RingSetup SetUpRing(const RingRequest& request) {
  uint32_t flags = WantedFlags(request);
  uint32_t submission = request.submission_entries;
  uint32_t completion = request.completion_entries;
  const char* refused_by = "io_uring_setup";
  RingSetup setup;
  for (;;) {
    setup.params = {};
    setup.params.flags = flags;
    setup.params.cq_entries = completion;
    if (request.is_sq_poll) {
      setup.params.sq_thread_idle = request.idle_ms;
      if (flags & abi::kSetupSqAff) setup.params.sq_thread_cpu = static_cast<uint32_t>(request.cpu);
      if (flags & abi::kSetupAttachWq) setup.params.wq_fd = static_cast<uint32_t>(request.attach_fd);
    }
    setup.ring = UringSetup(request.kernel, submission, &setup.params);
    if (setup.ring.fd == -EINVAL && DropNewestFlag(request, &flags, &setup.degraded)) continue;
    if (setup.ring.fd >= 0) {
      int mapped = MapQueues(setup.ring, setup.params, &setup.memory);
      if (mapped < 0) {
        UringClose(setup.ring);
        setup.ring = {mapped};
        refused_by = "mmap";
      }
    }
    if (setup.ring.fd == -ENOMEM && HalveEntries(request, &submission, &completion)) continue;
    break;
  }
  if (setup.ring.fd >= 0 && completion != request.completion_entries) {
    setup.degraded.push_back({"completionEntries", "halved from " +
                                                       std::to_string(request.completion_entries) + " to " +
                                                       std::to_string(completion) +
                                                       ": memory was refused with ENOMEM by " + refused_by});
  }
  return setup;
}

std::vector<std::string> SetupFlagNames(uint32_t flags) {
  std::vector<std::string> names;
  for (const NamedFlag& known : kOtherFlags) {
    if (flags & known.flag) names.emplace_back(known.name);
  }
  for (const NamedFlag& known : kOptionalFlags) {
    if (flags & known.flag) names.emplace_back(known.name);
  }
  return names;
}

}  // namespace ringlet
