// The descriptors that an environment has opened through its rings and not closed yet, so that a
// terminated worker leaves none behind. Environment's thread only.
#ifndef RINGLET_OWNED_FDS_H_
#define RINGLET_OWNED_FDS_H_

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

namespace ringlet {

class OwnedFds {
 public:
  void Add(int fd) {
    if (static_cast<size_t>(fd) >= is_owned_.size()) is_owned_.resize(static_cast<size_t>(fd) + 64);
    is_owned_[static_cast<size_t>(fd)] = true;
  }

  void Remove(int fd) {
    if (fd >= 0 && static_cast<size_t>(fd) < is_owned_.size()) is_owned_[static_cast<size_t>(fd)] = false;
  }

  // Ends every connection at once: what has not been acknowledged is dropped, and the kernel lets go of
  // memory that it was to be sent from (connect(2), AF_UNSPEC).
  void DisconnectAll() {
    sockaddr nowhere = {};
    nowhere.sa_family = AF_UNSPEC;
    for (size_t fd = 0; fd < is_owned_.size(); fd++) {
      if (is_owned_[fd]) connect(static_cast<int>(fd), &nowhere, sizeof(nowhere));
    }
  }

  void CloseAll() {
    for (size_t fd = 0; fd < is_owned_.size(); fd++) {
      if (is_owned_[fd]) close(static_cast<int>(fd));
    }
    is_owned_.clear();
  }

 private:
  std::vector<bool> is_owned_;
};

}  // namespace ringlet

#endif  // RINGLET_OWNED_FDS_H_
