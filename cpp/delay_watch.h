// Notices that calls which are to return at once wait for another process all the same: a listener for
// fanotify(7) permission events, such as a virus scanner, is asked in the middle of an open or a read, and
// the kernel knows of no way to ask it later. For a while such calls are then left to other threads.
//
// One a thread that makes such calls. Cheap enough for every one: it looks at the coarse clock, which takes 5
// ns.
#ifndef RINGLET_DELAY_WATCH_H_
#define RINGLET_DELAY_WATCH_H_

#include <cstdint>

namespace ringlet {

class DelayWatch {
 public:
  DelayWatch();

  // Before such a call, and after it.
  void Begin();
  void End();
  // Whether what may wait has to be left to other threads, as of the last `Begin` or `End`.
  bool is_delayed() const { return until_ns_ != 0; }

 private:
  // What the thread has used up, and how often it had to give way to others.
  struct Usage {
    uint64_t cpu_ns = 0;
    uint64_t preemptions = 0;
  };

  static Usage ReadUsage();
  void Sample(uint64_t now_ns);
  void NoteSlow(uint64_t now_ns, uint64_t took_ns);

  // Of the coarse clock: two of its ticks at least.
  uint64_t slow_ns_;
  uint64_t began_ns_ = 0;
  uint64_t until_ns_ = 0;
  uint64_t last_until_ns_ = 0;
  Usage sample_;
  uint64_t sampled_at_ns_ = 0;
};

}  // namespace ringlet

#endif  // RINGLET_DELAY_WATCH_H_
