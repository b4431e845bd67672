// The little that the addon needs of a C++ runtime, for prebuilt addons, which must not depend on the
// libstdc++ of the system that they come to. Taken from libstdc++.a, these would bring exceptions, locales,
// and versions of the C library that are too new. What has no state (trees, sizes of hash tables) does come
// from there; std::make_shared does not, as it compares type information.
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

// As everywhere with -fno-exceptions: there is no way on.
[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "ringlet: %s\n", what);
  std::abort();
}

}  // namespace

void* operator new(size_t bytes) {
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) Die("out of memory");
  return memory;
}

void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

// libstdc++'s containers call these where they would throw (bits/functexcept.h).
namespace std {
void __throw_bad_alloc() { Die("out of memory"); }
void __throw_bad_array_new_length() { Die("out of memory"); }
void __throw_bad_function_call() { Die("an empty function was called"); }
void __throw_length_error(const char* what) { Die(what); }
void __throw_logic_error(const char* what) { Die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Die(what); }
void __throw_system_error(int) { Die("a lock failed"); }
}  // namespace std

extern "C" {
void __cxa_pure_virtual() { Die("a pure virtual function was called"); }
// glibc has it since 2.32: whether reference counts may do without atomic operations. Node has threads.
char __libc_single_threaded = 0;
}
