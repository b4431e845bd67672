#include "fd_watch.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "check.h"

namespace ringlet {

int FdWatch::Start(uv_loop_s* loop, int fd, uint32_t events) {
  RINGLET_CHECK(epoll_fd_ < 0);
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return -errno;
  // poll(2) and epoll_ctl(2) number the events alike.
  epoll_event wanted = {events | EPOLLET, {}};
  int error = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &wanted) < 0 ? -errno : 0;
  if (error == 0) {
    wake_watch_ = WakeWatch::Start(loop, epoll_fd, [this] { Report(); });
    if (wake_watch_ == nullptr) error = -ENOMEM;
  }
  if (error < 0) {
    close(epoll_fd);
    return error;
  }
  epoll_fd_ = epoll_fd;
  return 0;
}

void FdWatch::Report() {
  epoll_event event;
  // Taking the event is what makes the next edge count.
  if (epoll_wait(epoll_fd_, &event, 1, 0) == 1) on_events_(event.events);
}

void FdWatch::Close(std::function<void()> on_closed) {
  RINGLET_CHECK(wake_watch_ != nullptr);
  // The loop stops polling here and now, so the descriptor may go before the handle does.
  std::exchange(wake_watch_, nullptr)->Close(std::move(on_closed));
  close(std::exchange(epoll_fd_, -1));
}

int PollNow(int fd, uint32_t events) {
  pollfd asked = {fd, static_cast<short>(events), 0};
  int count;
  do {
    count = poll(&asked, 1, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  return (asked.revents & POLLNVAL) != 0 ? -EBADF : asked.revents;
}

}  // namespace ringlet
