// Places where a tracer can look in: `perf`, bpftrace and SystemTap find them by name in the addon's ELF
// notes, as provider `ringlet` (readelf -n). Each is one no-operation instruction without a tracer.
//
//   enter(ring_fd, to_submit, result)   after each io_uring_enter(2)
//   batch(ring_fd, completions)         before the completions of a drain are handed to JavaScript
//
// Depends on nothing; no probes on architectures other than x86-64 and AArch64.
#ifndef RINGLET_STATIC_PROBES_H_
#define RINGLET_STATIC_PROBES_H_

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))

// The note, version 3: where the instruction is, where .stapsdt.base is (prelink may move both), no
// semaphore, then provider, name, and where to find the arguments: size (negative: signed) @ operand.
#define RINGLET_STATIC_PROBE(name, arguments, ...)                              \
  asm volatile(                                                                 \
      "7300: nop\n"                                                             \
      ".pushsection .note.stapsdt, \"\", %%note\n"                              \
      ".balign 4\n"                                                             \
      ".4byte 7302f - 7301f, 7304f - 7303f, 3\n"                                \
      "7301: .asciz \"stapsdt\"\n"                                              \
      "7302: .balign 4\n"                                                       \
      "7303: .8byte 7300b, _.stapsdt.base, 0\n"                                 \
      ".asciz \"ringlet\"\n"                                                    \
      ".asciz \"" name                                                          \
      "\"\n"                                                                    \
      ".asciz \"" arguments                                                     \
      "\"\n"                                                                    \
      "7304: .balign 4\n"                                                       \
      ".popsection\n"                                                           \
      ".ifndef _.stapsdt.base\n"                                                \
      ".pushsection .stapsdt.base, \"aG\", %%progbits, .stapsdt.base, comdat\n" \
      ".weak _.stapsdt.base\n"                                                  \
      ".hidden _.stapsdt.base\n"                                                \
      "_.stapsdt.base: .space 1\n"                                              \
      ".size _.stapsdt.base, 1\n"                                               \
      ".popsection\n"                                                           \
      ".endif\n" ::__VA_ARGS__)

#define RINGLET_PROBE_ENTER(ring_fd, to_submit, result) \
  RINGLET_STATIC_PROBE("enter", "-4@%0 4@%1 -4@%2", "nor"(ring_fd), "nor"(to_submit), "nor"(result))

#define RINGLET_PROBE_BATCH(ring_fd, completions) \
  RINGLET_STATIC_PROBE("batch", "-4@%0 4@%1", "nor"(ring_fd), "nor"(completions))

#else

#define RINGLET_PROBE_ENTER(ring_fd, to_submit, result) ((void)0)
#define RINGLET_PROBE_BATCH(ring_fd, completions) ((void)0)

#endif

#endif  // RINGLET_STATIC_PROBES_H_
