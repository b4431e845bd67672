// The process-wide registry of named SQ-poll thread groups.
//
// A group is up to `threads` kernel threads, each serving the rings that joined it: the first ring of
// a thread creates and pins it, later ones attach to any living member, and the thread ends with its
// last ring. Rings come from every worker thread of the process, so all of this is behind one mutex,
// which covers ring creation and ring close, and is never held during a call into JavaScript. Knows
// ring descriptors, never environments.
#ifndef RINGLET_SQ_POLL_GROUPS_H_
#define RINGLET_SQ_POLL_GROUPS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ring_profile.h"

namespace ringlet {

// What a ring asks of its group. An empty optional means: whatever the group has, or the default
// when this ring founds it.
struct SqPollGroupRequest {
  std::string name;
  std::optional<uint32_t> threads;
  std::optional<std::vector<int>> cpus;
  std::optional<uint32_t> idle_ms;
};

constexpr uint32_t kDefaultSqPollThreads = 1;
constexpr uint32_t kDefaultSqPollIdleMs = 10;

// A ring's place in a group.
struct SqPollSeat {
  std::string group;
  uint32_t thread_index = 0;
  int cpu = -1;
  uint32_t idle_ms = 0;
};

struct SqPollJoin {
  RingSetup setup;  // setup.ring.fd < 0: nothing was joined and nothing is left behind
  SqPollSeat seat;
  // Not empty when an existing group has other terms than asked for: the option and what is in force.
  std::string conflicting_option;
  std::string in_force;
};

// Makes a ring on the least loaded thread of the group, founding the group if there is none.
SqPollJoin JoinSqPollGroup(const SqPollGroupRequest& group, RingRequest ring);

// Closes the ring's descriptor and gives up its seat in one step, so that no ring can attach to a
// closed number. The last ring of a thread ends it, the last ring of a group frees the name.
void LeaveSqPollGroup(const SqPollSeat& seat, int ring_fd);

// The kernel's account of the thread behind a ring, from /proc/self/fdinfo.
struct SqThreadAccount {
  int thread_id = 0;  // 0 until the thread has run for the first time
  uint64_t total_us = 0;
  uint64_t work_us = 0;
  uint64_t event_count = 0;  // of this ring: entries submitted and completions posted
};
SqThreadAccount ReadSqThreadAccount(int ring_fd);

// The CPUs on which a thread of this process may run now, 0 for the calling one; none if that can't be told.
std::vector<int> AllowedCpus(int thread_id);

struct SqPollThreadView {
  uint32_t index;
  // Those that it may run on now, which an administrator may have changed since it was pinned.
  std::vector<int> cpus;
  uint32_t ring_count;
  double busy_share;  // of the time since the last look, 0 to 1
  SqThreadAccount account;
};

struct SqPollGroupView {
  std::string name;
  uint32_t idle_ms;
  std::vector<int> cpus;
  std::vector<SqPollThreadView> threads;
};

std::vector<SqPollGroupView> ListSqPollGroups();

}  // namespace ringlet

#endif  // RINGLET_SQ_POLL_GROUPS_H_
