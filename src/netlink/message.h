// message.h - one netlink message, built and read by libmnl: our types only keep its promises (nests that close, payloads that
// are long enough). netlink(7), rtnetlink(7).
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "postern/base/address.h"
#include "postern/base/result.h"

namespace postern::netlink {

/// A request of ours, NLM_F_REQUEST and its numbers put in by whoever sends it. Its room is far more than any of ours needs.
class Message {
 public:
  Message(uint16_t type, uint16_t flags);
  Message(const Message&) = delete;  // header_ points into buffer_

  /// The fixed part, zeroed; once, before any attribute.
  template <class Header>
  Header& put_header() {
    return *static_cast<Header*>(mnl_nlmsg_put_extra_header(header_, sizeof(Header)));
  }
  void put(uint16_t attribute, uint32_t value) { mnl_attr_put_u32(header_, attribute, value); }
  void put(uint16_t attribute, const Mac& mac) { mnl_attr_put(header_, attribute, mac.octets.size(), mac.octets.data()); }
  void put(uint16_t attribute, const IpAddress& address);
  void put_octet(uint16_t attribute, uint8_t value) { mnl_attr_put_u8(header_, attribute, value); }
  void put_text(uint16_t attribute, const std::string& text) { mnl_attr_put_strz(header_, attribute, text.c_str()); }

  /// Without the NUL at the end, for an attribute whose longest value leaves no room for it.
  void put_bare_text(uint16_t attribute, const std::string& text) { mnl_attr_put_str(header_, attribute, text.c_str()); }

  nlmsghdr& get() { return *header_; }

 private:
  friend class Nest;
  alignas(nlmsghdr) std::array<std::byte, 512> buffer_{};
  nlmsghdr* header_ = mnl_nlmsg_put_header(buffer_.data());
};

/// A nested attribute, closed when the scope ends.
class Nest {
 public:
  Nest(Message& message, uint16_t attribute) : message_(message), start_(mnl_attr_nest_start(message.header_, attribute)) {}
  ~Nest() { mnl_attr_nest_end(message_.header_, start_); }
  Nest(const Nest&) = delete;

 private:
  Message& message_;
  nlattr* start_;
};

using Bytes = std::span<const std::byte>;

/// The fixed part of a message that came in; null if the message is shorter than that.
template <class Header>
const Header* header_of(const nlmsghdr& message) {
  if (mnl_nlmsg_get_payload_len(&message) < sizeof(Header)) return nullptr;
  return static_cast<const Header*>(mnl_nlmsg_get_payload(&message));
}

/// The attributes of a message that came in. One that is missing, or too short for what is asked of it, reads as absent.
class Attributes {
 public:
  explicit Attributes(Bytes bytes) : bytes_(bytes) {}
  /// Those that follow a fixed part of `header_size` bytes.
  static Attributes after(const nlmsghdr& message, size_t header_size);

  std::optional<uint32_t> number(uint16_t attribute) const;
  std::optional<std::string_view> text(uint16_t attribute) const;
  std::optional<IpAddress> address(uint16_t attribute) const;
  std::optional<Bytes> bytes(uint16_t attribute) const;
  Attributes nested(uint16_t attribute) const { return Attributes(bytes(attribute).value_or(Bytes())); }

 private:
  const nlattr* find(uint16_t attribute) const;
  Bytes bytes_;
};

/// Four octets are an Ipv4, sixteen an Ipv6: netlink's addresses carry no family of their own.
std::optional<IpAddress> address_from(Bytes octets);

/// What an NLMSG_ERROR (errno 0: an acknowledgement) or NLMSG_DONE says, with the kernel's own words if it has any.
Status outcome(const nlmsghdr& message, std::string_view doing);

}  // namespace postern::netlink
