// What signals did before Node listened for them, so that they do it again afterwards: once the program no
// longer listens, libuv leaves the default action, which for SIGUSR1 (Node's debugger) and for SIGPIPE
// (ignored) ends the process. Main thread only, as are Node's signals.
#ifndef RINGLET_SAVED_SIGNALS_H_
#define RINGLET_SAVED_SIGNALS_H_

#include <signal.h>

#include <cerrno>
#include <map>

namespace ringlet {

class SavedSignals {
 public:
  // Remembers the signal's present action. Returns 0 or -errno.
  int Save(int number) {
    struct sigaction action;
    if (sigaction(number, nullptr, &action) < 0) return -errno;
    actions_[number] = action;
    return 0;
  }

  // Brings a remembered action back, once; without one it does nothing.
  int Restore(int number) {
    auto saved = actions_.find(number);
    if (saved == actions_.end()) return 0;
    int restored = sigaction(number, &saved->second, nullptr) < 0 ? -errno : 0;
    actions_.erase(saved);
    return restored;
  }

 private:
  std::map<int, struct sigaction> actions_;
};

}  // namespace ringlet

#endif  // RINGLET_SAVED_SIGNALS_H_
