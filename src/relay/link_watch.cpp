#include "postern/relay/link_watch.h"

#include "postern/base/log.h"

namespace postern::relay {

Result<std::unique_ptr<LinkWatch>> LinkWatch::create(loop::EventLoop& loop, UniqueFd socket, int link_index,
                                                     std::function<void()> ready) {
  netlink::AddressMonitor monitor(std::move(socket), link_index);
  POSTERN_CHECK(monitor.request_dump(), "watch the namespace's addresses");
  std::unique_ptr<LinkWatch> watch(new LinkWatch(std::move(monitor), std::move(ready)));
  LinkWatch* self = watch.get();
  watch->source_ = loop.make_source([self](uint32_t, uint32_t) { self->look(); });
  POSTERN_CHECK(watch->source_.watch(self->monitor_.fd(), EPOLLIN), "watch the namespace's addresses");
  return watch;
}

void LinkWatch::look() {
  const auto changed = monitor_.poll();
  if (!changed) {
    log::debug("{}", changed.error().message());
    source_ = {};  // an answer will not come; whoever waits has a time limit
    return;
  }
  if (ready_ && monitor_.address() && monitor_.has_default_route()) std::exchange(ready_, nullptr)();
}

}  // namespace postern::relay
