// table_watch.cpp - NFT_MSG_NEWTABLE and NFT_MSG_DELTABLE of the group NFNLGRP_NFTABLES.
#include "postern/netfilter/table_watch.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>

namespace postern::netfilter {
namespace {

constexpr uint16_t kNew = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, kDeleted = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE;

/// The name of the table that a message is about.
std::optional<std::string_view> table_of(const nlmsghdr& message) {
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg)) return std::nullopt;
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(&message));
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(&message, sizeof(nfgenmsg)));
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
      return mnl_attr_get_str(attribute);
  }
  return std::nullopt;
}

}  // namespace

Result<TableWatch> TableWatch::open(std::string table) {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!socket) return fail_errno("open a netfilter socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;  // a number of its own: to the socket without one, number 0, the kernel announces nothing
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return fail_errno("bind a netfilter socket");
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return fail_errno("watch the tables of nftables");
  return TableWatch(std::move(socket), std::move(table));
}

bool TableWatch::poll() {
  alignas(nlmsghdr) std::array<std::byte, 16'384> buffer;  // as large as the kernel makes them
  for (;;) {
    const ssize_t size = ::read(socket_.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == ENOBUFS)) continue;  // what was lost may be told again by what follows
    if (size <= 0) return is_there_;
    int rest = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, rest);
         message = mnl_nlmsg_next(message, &rest)) {
      if (message->nlmsg_type != kNew && message->nlmsg_type != kDeleted) continue;
      if (table_of(*message) == table_) is_there_ = message->nlmsg_type == kNew;
    }
  }
}

}  // namespace postern::netfilter
