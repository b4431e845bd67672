#include "identity.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace ringlet {
namespace {

constexpr size_t kUser = 0;
constexpr size_t kGroup = 1;
constexpr size_t kCapabilities = 2;
constexpr size_t kGroups = kCapabilities + _LINUX_CAPABILITY_U32S_3;
constexpr size_t kFewGroups = 64;

struct Capabilities {
  uint32_t words[_LINUX_CAPABILITY_U32S_3] = {};
};

// Of the calling thread. They can change while everybody's numbers stay: capset(2).
Capabilities EffectiveCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  Capabilities effective;
  if (syscall(__NR_capget, &header, data) < 0) return effective;
  for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) effective.words[i] = data[i].effective;
  return effective;
}

static_assert(sizeof(gid_t) == sizeof(uint32_t) && sizeof(uid_t) == sizeof(uint32_t));

}  // namespace

std::vector<uint32_t> ReadIdentity() {
  Capabilities capabilities = EffectiveCapabilities();
  std::vector<uint32_t> identity = {geteuid(), getegid()};
  identity.insert(identity.end(), std::begin(capabilities.words), std::end(capabilities.words));
  int count = getgroups(0, nullptr);
  // Another thread may have added groups in between: ask again.
  while (count > 0) {
    identity.resize(kGroups + static_cast<size_t>(count));
    int filled = getgroups(count, identity.data() + kGroups);
    if (filled >= 0) {
      identity.resize(kGroups + static_cast<size_t>(filled));
      break;
    }
    count = getgroups(0, nullptr);
  }
  return identity;
}

bool IsIdentity(std::span<const uint32_t> identity) {
  if (geteuid() != identity[kUser] || getegid() != identity[kGroup]) return false;
  Capabilities capabilities = EffectiveCapabilities();
  if (!std::equal(std::begin(capabilities.words), std::end(capabilities.words), &identity[kCapabilities]))
    return false;
  std::span<const uint32_t> groups = identity.subspan(kGroups);
  gid_t few[kFewGroups];
  std::vector<gid_t> many;
  // Room for one more than wanted: a longer list is then told apart, by its count or by EINVAL.
  size_t room = groups.size() + 1;
  if (room > kFewGroups) many.resize(room);
  gid_t* now = room > kFewGroups ? many.data() : few;
  int count = getgroups(static_cast<int>(room), now);
  return count == static_cast<int>(groups.size()) && std::equal(groups.begin(), groups.end(), now);
}

}  // namespace ringlet
