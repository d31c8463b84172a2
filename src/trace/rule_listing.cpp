#include "rule_listing.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/netfilter/nftables.h"
#include "postern/netns/namespace.h"
#include "postern/netns/visit.h"

namespace postern::trace {
namespace {

constexpr std::string_view kDoing = "list the rules";
constexpr const char* kHere = "/proc/thread-self/ns/net";

/// What it has by now is shared with us, and may be much: probes' buffers, a sanitizer's shadow.
bool bound_memory() {
  const auto pages = read_file("/proc/self/statm");
  if (!pages) return false;
  std::string_view rest = *pages;
  const auto now = whole_number<rlim_t>(take_word(rest));
  if (!now) return false;
  const rlim_t most = *now * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + RuleListing::kMostMemory;
  const rlimit memory{.rlim_cur = most, .rlim_max = most}, no_core{.rlim_cur = 0, .rlim_max = 0};
  return ::setrlimit(RLIMIT_AS, &memory) == 0 && ::setrlimit(RLIMIT_CORE, &no_core) == 0;
}

/// libnftables says on standard error that it has no memory, and calls exit(3): nothing of that is for anybody to see.
bool be_silent() {
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  return nothing && ::dup2(nothing.get(), STDOUT_FILENO) >= 0 && ::dup2(nothing.get(), STDERR_FILENO) >= 0;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno != EINTR) return false;
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }
  return true;
}

/// Of a processor, by the children that have been waited for.
Duration time_of_children() {
  rusage used{};
  if (::getrusage(RUSAGE_CHILDREN, &used) < 0) return {};
  const auto duration = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return duration(used.ru_utime) + duration(used.ru_stime);
}

/// In the child.
int list(const UniqueFd& network, int output) {
  if (!be_silent() || !bound_memory()) return 1;
  std::optional<netns::Visit> visit;
  const auto here = netns::identity_of(kHere), there = netns::identity_of(network.get());
  if (!here || !there || *here != *there) {  // who has no power to visit is there already
    auto begun = netns::Visit::begin(network);
    if (!begun) return 1;
    visit.emplace(*std::move(begun));
  }
  auto nftables = netfilter::Nftables::open();
  if (!nftables) return 1;
  const auto text = nftables->list_ruleset_text();
  return text && write_all(output, *text) ? 0 : 1;
}

}  // namespace

Result<RuleListing> RuleListing::start(const UniqueFd& network) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return fail_errno(kDoing);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0) return fail_errno(kDoing);
  POSTERN_TRY(child, process::Child::fork(0, [&] { return list(network, theirs.get()); }), kDoing);
  return RuleListing(std::move(child), std::move(ours));
}

RuleListing::State RuleListing::read() {
  std::array<char, 65'536> part;
  while (state_ == State::under_way) {
    const ssize_t size = ::read(pipe_.get(), part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size <= 0) return end();
    if (text_.size() + static_cast<size_t>(size) > kMostBytes) return state_ = State::failed;
    text_.append(part.data(), static_cast<size_t>(size));
  }
  return state_;
}

/// The pipe is closed: the child has ended, or is about to.
RuleListing::State RuleListing::end() {
  const Duration before = time_of_children();
  const auto status = child_.wait();
  cost_ = time_of_children() - before;
  return state_ = status && status->success() ? State::done : State::failed;
}

Duration RuleListing::finish() {
  if (!child_) return cost_;
  const Duration before = time_of_children();
  child_ = {};
  state_ = State::failed;
  return cost_ = time_of_children() - before;
}

RuleListing::State RuleListing::wait(TimePoint until) {
  while (read() == State::under_way) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{.fd = pipe_.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0) break;
  }
  return state_;
}

}  // namespace postern::trace
