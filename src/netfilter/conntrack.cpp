// conntrack.cpp - dumps the table, then deletes from it: what is deleted during a dump can hide others from it.
#include "postern/netfilter/conntrack.h"

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "probe.h"

namespace postern::netfilter {
namespace {

constexpr std::string_view kDoing = "forget connections";

struct Close {
  void operator()(nfct_handle* handle) const { nfct_close(handle); }
};
using Handle = std::unique_ptr<nfct_handle, Close>;

struct Destroy {
  void operator()(nf_conntrack* entry) const { nfct_destroy(entry); }
};
using Entry = std::unique_ptr<nf_conntrack, Destroy>;

/// Where an address stands in an entry of either family.
struct Place {
  nf_conntrack_attr ipv4, ipv6;
};

IpAddress address(const nf_conntrack* entry, Place place) {
  if (nfct_get_attr_u8(entry, ATTR_L3PROTO) == AF_INET) return Ipv4::from_wire({nfct_get_attr_u32(entry, place.ipv4)});
  in6_addr wire{};
  if (const void* octets = nfct_get_attr(entry, place.ipv6)) std::memcpy(&wire, octets, sizeof wire);
  return Ipv6::from_wire(wire);
}

Port port(const nf_conntrack* entry, nf_conntrack_attr attribute) { return Port{ntohs(nfct_get_attr_u16(entry, attribute))}; }

Connection connection_of(const nf_conntrack* entry) {
  return {.ip_protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO),
          .original_source = address(entry, {ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC}),
          .original_destination = address(entry, {ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST}),
          .original_source_port = port(entry, ATTR_ORIG_PORT_SRC),
          .original_destination_port = port(entry, ATTR_ORIG_PORT_DST),
          .reply_source = address(entry, {ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC}),
          .reply_destination = address(entry, {ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST}),
          .reply_source_port = port(entry, ATTR_REPL_PORT_SRC),
          .reply_destination_port = port(entry, ATTR_REPL_PORT_DST)};
}

struct Search {
  const std::function<bool(const Connection&)>& wanted;
  std::vector<Entry> found;
};

/// One entry of the dump. NFCT_CB_STOLEN: it is ours from now on.
int visit(nf_conntrack_msg_type, nf_conntrack* entry, void* data) noexcept {
  auto& search = *static_cast<Search*>(data);
  if (!search.wanted(connection_of(entry))) return NFCT_CB_CONTINUE;
  search.found.emplace_back(entry);
  return NFCT_CB_STOLEN;
}

}  // namespace

Result<size_t> forget_connections(const std::function<bool(const Connection&)>& wanted) {
  POSTERN_CHECK(probe(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, "ctnetlink"), kDoing);
  const Handle handle(nfct_open(CONNTRACK, 0));
  if (!handle) return fail_errno(kDoing);
  Search search{wanted, {}};
  const uint32_t family = AF_UNSPEC;
  if (nfct_callback_register(handle.get(), NFCT_T_ALL, visit, &search) < 0) return fail_errno(kDoing);
  if (nfct_query(handle.get(), NFCT_Q_DUMP, &family) < 0) return fail_errno(kDoing, ": list them");

  size_t deleted = 0;
  // The library names an entry by its addresses and ports, not by its id: one of the same ends that took its place meanwhile goes
  // too, and the next packet makes it anew.
  for (const Entry& entry : search.found) {
    if (nfct_query(handle.get(), NFCT_Q_DESTROY, entry.get()) == 0) {
      ++deleted;
    } else if (errno != ENOENT) {
      return fail_errno(kDoing);
    }
  }
  return deleted;
}

}  // namespace postern::netfilter
