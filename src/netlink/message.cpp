// message.cpp - see message.h.
#include "message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <variant>

namespace postern::netlink {

Message::Message(uint16_t type, uint16_t flags) {
  header_->nlmsg_type = type;
  header_->nlmsg_flags = flags;
}

void Message::put(uint16_t attribute, const IpAddress& address) {
  std::visit(
      [&](const auto& of_family) {
        const auto wire = of_family.to_wire();
        mnl_attr_put(header_, attribute, sizeof wire, &wire);
      },
      address);
}

Attributes Attributes::after(const nlmsghdr& message, size_t header_size) {
  const size_t length = mnl_nlmsg_get_payload_len(&message);
  const size_t offset = std::min<size_t>(MNL_ALIGN(header_size), length);
  return Attributes(Bytes(static_cast<const std::byte*>(mnl_nlmsg_get_payload(&message)), length).subspan(offset));
}

const nlattr* Attributes::find(uint16_t attribute) const {
  struct Search {
    uint16_t wanted;
    const nlattr* found = nullptr;
  } search{attribute};
  const auto visit = [](const nlattr* candidate, void* data) {
    auto& running = *static_cast<Search*>(data);
    if (mnl_attr_get_type(candidate) != running.wanted) return MNL_CB_OK;
    running.found = candidate;
    return MNL_CB_STOP;
  };
  mnl_attr_parse_payload(bytes_.data(), bytes_.size(), visit, &search);
  return search.found;
}

std::optional<uint32_t> Attributes::number(uint16_t attribute) const {
  const nlattr* found = find(attribute);
  if (!found || mnl_attr_validate(found, MNL_TYPE_U32) < 0) return std::nullopt;
  return mnl_attr_get_u32(found);
}

std::optional<std::string_view> Attributes::text(uint16_t attribute) const {
  const nlattr* found = find(attribute);
  if (!found || mnl_attr_validate(found, MNL_TYPE_NUL_STRING) < 0) return std::nullopt;
  return mnl_attr_get_str(found);
}

std::optional<Bytes> Attributes::bytes(uint16_t attribute) const {
  const nlattr* found = find(attribute);
  if (!found) return std::nullopt;
  return Bytes(static_cast<const std::byte*>(mnl_attr_get_payload(found)), mnl_attr_get_payload_len(found));
}

std::optional<IpAddress> Attributes::address(uint16_t attribute) const {
  return address_from(bytes(attribute).value_or(Bytes()));
}

std::optional<IpAddress> address_from(Bytes octets) {
  if (octets.size() == sizeof(in_addr)) {
    in_addr wire;
    std::memcpy(&wire, octets.data(), sizeof wire);
    return Ipv4::from_wire(wire);
  }
  if (octets.size() == sizeof(in6_addr)) {
    in6_addr wire;
    std::memcpy(&wire, octets.data(), sizeof wire);
    return Ipv6::from_wire(wire);
  }
  return std::nullopt;
}

namespace {

/// The extended acknowledgement follows the fixed part, and the request itself unless the kernel left that out (NETLINK_CAP_ACK).
Attributes extended_ack(const nlmsghdr& message) {
  if (!(message.nlmsg_flags & NLM_F_ACK_TLVS)) return Attributes(Bytes());
  if (message.nlmsg_type == NLMSG_DONE) return Attributes::after(message, sizeof(int));
  const auto* error = header_of<nlmsgerr>(message);
  const bool capped = message.nlmsg_flags & NLM_F_CAPPED;
  const size_t request = error && !capped ? mnl_nlmsg_get_payload_len(&error->msg) : 0;
  return Attributes::after(message, sizeof(nlmsgerr) + request);
}

}  // namespace

Status outcome(const nlmsghdr& message, std::string_view doing) {
  const int* code = header_of<int>(message);  // NLMSG_ERROR and NLMSG_DONE both begin with a negative errno
  if (!code || *code >= 0) return {};
  const auto words = extended_ack(message).text(NLMSGERR_ATTR_MSG);
  std::string context = words ? fmt::format("{}: {}", doing, *words) : std::string(doing);
  return Failure(Error{{-*code, std::system_category()}, std::move(context)});
}

}  // namespace postern::netlink
