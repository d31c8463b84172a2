#include "postern/relay/host_addresses.h"

#include "postern/base/log.h"

namespace postern::relay {

Result<std::unique_ptr<HostAddresses>> HostAddresses::watch(loop::EventLoop& loop, Changed changed) {
  POSTERN_TRY(announcements, netlink::open_address_announcements(), "host addresses");  // before the list, or a change is missed
  POSTERN_TRY(socket, netlink::Socket::open(), "host addresses");
  std::unique_ptr<HostAddresses> watch(new HostAddresses(std::move(announcements), std::move(socket), std::move(changed)));
  POSTERN_CHECK(watch->list(), "host addresses");
  HostAddresses* self = watch.get();
  watch->source_ = loop.make_source([self](uint32_t, uint32_t) {
    if (const Status listed = self->list(); !listed) log::warning("{}: what was isolated stays so", listed.error().message());
  });
  POSTERN_CHECK(watch->source_.watch(self->announcements_.get(), EPOLLIN), "host addresses");
  return watch;
}

Status HostAddresses::list() {
  POSTERN_CHECK(netlink::discard_announcements(announcements_), "host addresses");
  POSTERN_TRY(table, netlink::addresses(socket_), "host addresses");
  std::vector<IpAddress> addresses;
  addresses.reserve(table.size());
  for (const netlink::Address& entry : table) addresses.push_back(entry.address);
  changed_(std::move(addresses));
  return {};
}

}  // namespace postern::relay
