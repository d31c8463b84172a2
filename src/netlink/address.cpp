// address.cpp - RTM_NEWADDR, RTM_DELADDR and RTM_GETADDR.
#include "postern/netlink/address.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "dump.h"
#include "transport.h"

namespace postern::netlink {
namespace {

/// What names an address to the kernel, which ignores the flag in a removal. Without a peer IPv4 wants it in both attributes.
void put_address(Message& request, int link_index, const IpAddress& address, unsigned prefix_bits) {
  const bool ipv4 = std::holds_alternative<Ipv4>(address);
  auto& header = request.put_header<ifaddrmsg>();
  header.ifa_family = ipv4 ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<uint8_t>(prefix_bits);
  header.ifa_flags = ipv4 ? 0 : IFA_F_NODAD;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<uint32_t>(link_index);
  request.put(IFA_LOCAL, address);
  request.put(IFA_ADDRESS, address);
}

constexpr unsigned kLongestPrefix = 128;  // the field is an octet; the kernel judges the rest

}  // namespace

Status add_address(Socket& socket, int link_index, const IpAddress& address, unsigned prefix_bits) {
  const auto doing = fmt::format("add {}/{} to link {}", to_string(address), prefix_bits, link_index);
  if (prefix_bits > kLongestPrefix) return fail(std::errc::invalid_argument, doing);
  Message request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  put_address(request, link_index, address, prefix_bits);
  const auto* ipv4 = std::get_if<Ipv4>(&address);
  const auto network = ipv4 ? Cidr4::make(*ipv4, prefix_bits) : std::nullopt;
  if (network && prefix_bits <= 30) request.put(IFA_BROADCAST, network->broadcast());  // a /31 has none, RFC 3021
  return socket.exchange(request.get(), doing);
}

Status remove_address(Socket& socket, int link_index, const IpAddress& address, unsigned prefix_bits) {
  const auto doing = fmt::format("remove {}/{} from link {}", to_string(address), prefix_bits, link_index);
  if (prefix_bits > kLongestPrefix) return fail(std::errc::invalid_argument, doing);
  Message request(RTM_DELADDR, 0);
  put_address(request, link_index, address, prefix_bits);
  return socket.exchange(request.get(), doing);
}

void append(const nlmsghdr& message, std::vector<Address>& table) {
  const auto* header = header_of<ifaddrmsg>(message);
  if (!header || (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR)) return;
  const auto attributes = Attributes::after(message, sizeof *header);
  auto own = attributes.address(IFA_LOCAL);
  if (!own) own = attributes.address(IFA_ADDRESS);  // IPv6 has IFA_LOCAL only beside a peer's
  if (!own) return;
  const uint32_t flags = attributes.number(IFA_FLAGS).value_or(header->ifa_flags);
  table.push_back(Address{.link_index = static_cast<int>(header->ifa_index),
                          .address = *own,
                          .prefix_bits = header->ifa_prefixlen,
                          .scope = header->ifa_scope,
                          .tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0,
                          .deprecated = (flags & IFA_F_DEPRECATED) != 0});
}

Result<UniqueFd> open_address_announcements() {
  auto socket = open_transport(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK);
  if (!socket) return within("watch the addresses", socket.error());
  return socket;
}

Status discard_announcements(const UniqueFd& socket) {
  Datagram buffer;
  for (;;) {
    const auto datagram = receive(socket, buffer);
    if (datagram || datagram.error().is(std::errc::no_buffer_space) || datagram.error().is(std::errc::message_size)) continue;
    if (datagram.error().is(std::errc::resource_unavailable_try_again)) return {};
    return within("watch the addresses", datagram.error());
  }
}

Result<std::vector<Address>> addresses(Socket& socket) { return dump<Address>(socket, RTM_GETADDR, "list addresses"); }

}  // namespace postern::netlink
