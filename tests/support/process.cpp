// process.cpp - the client's end of a connection at the door.
#include "process.h"

#include <poll.h>
#include <sys/stat.h>

#include "door.h"

namespace postern::lab {

namespace {

std::string content_of(const UniqueFd& file) {
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) < 0) return {};
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

}  // namespace

void Process::signal(int number) {
  (void)send_message(connection_.get(), {reinterpret_cast<const char*>(&number), sizeof number});
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  if (status_) return status_;
  pollfd ended{connection_.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  const auto event = receive_event(connection_.get());
  status_ = event ? event->value : 128 + SIGKILL;  // no event: the lab ended, and everything in it
  return status_;
}

std::string Process::out() const { return content_of(out_); }
std::string Process::err() const { return content_of(err_); }

}  // namespace postern::lab
