#include "sq_poll_groups.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>

#include "clock.h"

namespace ringlet {
namespace {

// What a ring that has not been measured yet counts for: enough to spread rings made in one go.
constexpr double kUnmeasuredRingLoad = 0.1;
// What an entry taken or a completion posted is counted for beside the kernel's own account, which leaves
// out the work of receives: about what a small one costs.
constexpr double kEventUs = 1.0;
// Loads that differ by less are taken for equal.
constexpr double kLoadStep = 0.1;
// Shares measured over less than this are noise.
constexpr uint64_t kMeasureUsMin = 10'000;
// While the thread works on a ring's queue the kernel tells nothing of it: it only tries that ring's lock.
constexpr int kLooksMax = 4;

uint64_t NowUs() { return NowNs() / 1000; }

struct Thread {
  std::vector<int> ring_fds;
  // The thread's own while it lives.
  int cpu = -1;
  // The last look at the kernel's account.
  uint64_t looked_at_us = 0;
  uint64_t work_us = 0;
  uint64_t event_count = 0;
  double busy_share = 0;
  uint32_t rings_since_look = 0;
  // What the kernel told last; it may tell nothing at a time.
  SqThreadAccount told;

  bool is_alive() const { return !ring_fds.empty(); }

  void Look() {
    uint64_t now_us = NowUs();
    if (now_us - looked_at_us < kMeasureUsMin) return;
    SqThreadAccount account = ReadSqThreadAccount(ring_fds.front());
    if (account.thread_id == 0) return;
    uint64_t events = 0;
    for (int ring_fd : ring_fds) events += ReadSqThreadAccount(ring_fd).event_count;
    // Both go back when a ring leaves.
    uint64_t worked_us = account.work_us > work_us ? account.work_us - work_us : 0;
    uint64_t happened = events > event_count ? events - event_count : 0;
    double busy_us = std::max(static_cast<double>(worked_us), static_cast<double>(happened) * kEventUs);
    busy_share = std::min(1.0, busy_us / static_cast<double>(now_us - looked_at_us));
    looked_at_us = now_us;
    work_us = account.work_us;
    event_count = events;
    rings_since_look = 0;
  }

  double Load() {
    if (!is_alive()) return -1;  // an unused thread always comes first
    Look();
    // In steps: what is as good as equal is decided by the number of rings.
    double load = busy_share + kUnmeasuredRingLoad * rings_since_look;
    return static_cast<int>(load / kLoadStep + 0.5) * kLoadStep;
  }

  const SqThreadAccount& Account() {
    SqThreadAccount account = ReadSqThreadAccount(ring_fds.front());
    if (account.thread_id != 0) told = account;
    return told;
  }

  void Add(int ring_fd) {
    if (!is_alive()) {
      looked_at_us = NowUs();
      work_us = 0;
      event_count = 0;
      busy_share = 0;
      rings_since_look = 0;
      told = {};
    }
    ring_fds.push_back(ring_fd);
    rings_since_look++;
  }
};

struct Group {
  std::vector<int> cpus;
  uint32_t idle_ms;
  std::vector<Thread> threads;

  bool is_empty() const {
    return std::none_of(threads.begin(), threads.end(), [](const Thread& t) { return t.is_alive(); });
  }

  uint32_t LeastLoaded() {
    uint32_t best = 0;
    double best_load = 0;
    for (uint32_t i = 0; i < threads.size(); i++) {
      double load = threads[i].Load();
      bool is_better = i == 0 || load < best_load ||
                       (load == best_load && threads[i].ring_fds.size() < threads[best].ring_fds.size());
      if (!is_better) continue;
      best = i;
      best_load = load;
    }
    return best;
  }

  // The CPU of the list that the fewest living threads have; the thread's place in the list breaks
  // the tie, so that threads and CPUs pair up in order where there are enough.
  int CpuFor(uint32_t thread_index) const {
    if (cpus.empty()) return -1;
    int best = -1;
    long best_count = 0;
    for (size_t i = 0; i < cpus.size(); i++) {
      int cpu = cpus[(thread_index + i) % cpus.size()];
      long count = std::count_if(threads.begin(), threads.end(), [cpu](const Thread& thread) {
        return thread.is_alive() && thread.cpu == cpu;
      });
      if (best >= 0 && count >= best_count) continue;
      best = cpu;
      best_count = count;
    }
    return best;
  }
};

struct Registry {
  std::mutex mutex;
  // Never destroyed: worker threads may still leave their groups while the process exits.
  std::map<std::string, Group>* groups = nullptr;
};

constinit Registry registry;

std::string Joined(const std::vector<int>& values) {
  std::string joined;
  for (int value : values) joined += (joined.empty() ? "" : ",") + std::to_string(value);
  return joined.empty() ? "none" : joined;
}

// Whether an existing group has the terms that are asked for; says which it has if not.
bool Agrees(const Group& group, const SqPollGroupRequest& request, SqPollJoin* join) {
  if (request.threads && *request.threads != group.threads.size()) {
    join->conflicting_option = "threads";
    join->in_force = std::to_string(group.threads.size());
  } else if (request.cpus && *request.cpus != group.cpus) {
    join->conflicting_option = "cpus";
    join->in_force = Joined(group.cpus);
  } else if (request.idle_ms && *request.idle_ms != group.idle_ms) {
    join->conflicting_option = "idleMs";
    join->in_force = std::to_string(group.idle_ms);
  }
  return join->conflicting_option.empty();
}

// Until its first run an SQ thread still has its creator's number in fdinfo.
bool IsSqThread(int thread_id) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/task/%d/comm", thread_id);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  char name[32] = {};
  bool is_sq_thread =
      std::fgets(name, sizeof(name), file) != nullptr && std::strncmp(name, "iou-sqp-", 8) == 0;
  std::fclose(file);
  return is_sq_thread;
}

// Whether a line of fdinfo is the field of that name: then its number.
bool IsField(std::string_view line, std::string_view name, uint64_t* value) {
  if (!line.starts_with(name)) return false;
  size_t start = line.find_first_not_of(" \t", name.size());
  if (start == std::string_view::npos) return false;
  return std::from_chars(line.data() + start, line.data() + line.size(), *value).ec == std::errc();
}

}  // namespace

SqPollJoin JoinSqPollGroup(const SqPollGroupRequest& request, RingRequest ring) {
  std::lock_guard lock(registry.mutex);
  if (registry.groups == nullptr) registry.groups = new std::map<std::string, Group>;
  auto found = registry.groups->find(request.name);
  SqPollJoin join;
  if (found != registry.groups->end() && !Agrees(found->second, request, &join)) {
    join.setup.ring.fd = -EEXIST;
    return join;
  }
  if (found == registry.groups->end()) {
    Group founded;
    founded.cpus = request.cpus.value_or(std::vector<int>{});
    founded.idle_ms = request.idle_ms.value_or(kDefaultSqPollIdleMs);
    founded.threads.resize(request.threads.value_or(kDefaultSqPollThreads));
    found = registry.groups->emplace(request.name, std::move(founded)).first;
  }
  Group& group = found->second;
  uint32_t thread_index = group.LeastLoaded();
  Thread& thread = group.threads[thread_index];
  int cpu = thread.is_alive() ? thread.cpu : group.CpuFor(thread_index);

  ring.is_sq_poll = true;
  ring.idle_ms = group.idle_ms;
  ring.cpu = cpu;
  ring.attach_fd = thread.is_alive() ? thread.ring_fds.front() : -1;
  join.setup = SetUpRing(ring);
  if (join.setup.ring.fd < 0) {
    // A founding that failed leaves no trace: the next ring may ask for other terms.
    if (group.is_empty()) registry.groups->erase(found);
    return join;
  }
  thread.Add(join.setup.ring.fd);
  thread.cpu = cpu;
  join.seat = {request.name, thread_index, cpu, group.idle_ms};
  return join;
}

void LeaveSqPollGroup(const SqPollSeat& seat, int ring_fd) {
  std::lock_guard lock(registry.mutex);
  close(ring_fd);
  auto found = registry.groups->find(seat.group);
  if (found == registry.groups->end()) return;
  std::erase(found->second.threads[seat.thread_index].ring_fds, ring_fd);
  if (found->second.is_empty()) registry.groups->erase(found);
}

namespace {

SqThreadAccount LookAtSqThread(int ring_fd) {
  SqThreadAccount account;
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ring_fd);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return account;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    uint64_t value = 0;
    if (IsField(line, "SqThread:", &value)) account.thread_id = static_cast<int>(value);
    if (IsField(line, "SqTotalTime:", &value)) account.total_us = value;
    if (IsField(line, "SqWorkTime:", &value)) account.work_us = value;
    if (IsField(line, "SqTail:", &value)) account.event_count += value;
    if (IsField(line, "CqTail:", &value)) account.event_count += value;
  }
  std::fclose(file);
  if (!IsSqThread(account.thread_id)) return {};
  return account;
}

}  // namespace

SqThreadAccount ReadSqThreadAccount(int ring_fd) {
  SqThreadAccount account;
  for (int looks = 0; looks < kLooksMax && account.thread_id == 0; looks++) account = LookAtSqThread(ring_fd);
  return account;
}

std::vector<int> AllowedCpus(int thread_id) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(thread_id, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<SqPollGroupView> ListSqPollGroups() {
  std::lock_guard lock(registry.mutex);
  std::vector<SqPollGroupView> views;
  if (registry.groups == nullptr) return views;
  for (auto& [name, group] : *registry.groups) {
    SqPollGroupView view = {name, group.idle_ms, group.cpus, {}};
    for (uint32_t i = 0; i < group.threads.size(); i++) {
      Thread& thread = group.threads[i];
      if (!thread.is_alive()) continue;
      thread.Look();
      const SqThreadAccount& account = thread.Account();
      std::vector<int> cpus;
      if (account.thread_id != 0) cpus = AllowedCpus(account.thread_id);
      view.threads.push_back(
          {i, std::move(cpus), static_cast<uint32_t>(thread.ring_fds.size()), thread.busy_share, account});
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace ringlet
