// Whom the process acts for when the kernel checks a path: effective user and group, effective
// capabilities, and the supplementary groups. Callable from any thread; knows neither Node-API nor libuv.
#ifndef RINGLET_IDENTITY_H_
#define RINGLET_IDENTITY_H_

#include <cstdint>
#include <span>
#include <vector>

namespace ringlet {

// Effective user, effective group, the two words of the effective capabilities, then the supplementary
// groups in the kernel's order.
std::vector<uint32_t> ReadIdentity();

// Whether ReadIdentity() would say the same now. Four system calls, and usually no allocation.
bool IsIdentity(std::span<const uint32_t> identity);

}  // namespace ringlet

#endif  // RINGLET_IDENTITY_H_
