#include "request.h"

#include <cmath>

#include "postern/wire/address_class.h"

namespace postern::api {

namespace {

/// Builds the value, and keeps where the parser stopped. nlohmann counts the end of input as a character read.
class Builder : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  explicit Builder(Json& value) : json_sax_dom_parser(value, false) {}
  template <class Exception>
  bool parse_error(size_t position, const std::string&, const Exception&) {
    stopped_at_ = position;
    return false;
  }
  size_t stopped_at() const { return stopped_at_; }

 private:
  size_t stopped_at_ = 0;
};

/// Missing and "" are nothing; a text that is no address is an error.
struct ReadAddress {
  bool good = true;
  std::optional<IpAddress> address = {};
};

ReadAddress read_address(const Json& arguments, const char* key) {
  const auto found = arguments.find(key);
  if (found == arguments.end() || found->is_null()) return {};
  if (!found->is_string()) return {.good = false};
  const auto& text = found->get_ref<const std::string&>();
  if (text.empty()) return {};
  const auto address = parse_ip(text);
  return {.good = address.has_value(), .address = address};
}

std::optional<stack::Protocol> read_protocol(const Json& arguments) {
  const auto found = arguments.find("proto");
  if (found == arguments.end() || !found->is_string()) return std::nullopt;
  if (*found == "tcp") return stack::Protocol::tcp;
  if (*found == "udp") return stack::Protocol::udp;
  return std::nullopt;
}

}  // namespace

std::variant<Json, Unread> read_json(std::string_view received) {
  Json value;
  Builder builder(value);
  if (Json::sax_parse(received, &builder, Json::input_format_t::json, false)) return value;
  return builder.stopped_at() > received.size() ? Unread::incomplete : Unread::wrong;
}

std::optional<uint64_t> read_integer(const Json& object, const char* key, uint64_t least, uint64_t greatest) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (found->is_number_float()) {
    const double number = found->get<double>();
    const bool fits = number >= static_cast<double>(least) && number <= static_cast<double>(greatest);
    return fits && std::trunc(number) == number ? std::optional(static_cast<uint64_t>(number)) : std::nullopt;
  }
  if (!found->is_number_unsigned()) return std::nullopt;  // nor a negative one
  const auto number = found->get<uint64_t>();
  return number >= least && number <= greatest ? std::optional(number) : std::nullopt;
}

std::variant<forward::PortRequest, BadArgument> read_port_request(const Json& arguments) {
  forward::PortRequest request;
  const auto protocol = read_protocol(arguments);
  if (!protocol) return BadArgument{"proto"};
  request.protocol = *protocol;
  const auto host = read_address(arguments, "host_addr");
  if (!host.good) return BadArgument{"host_addr"};
  if (host.address) request.host_address = *host.address;
  const auto host_port = read_integer(arguments, "host_port", 0, UINT16_MAX);
  if (!host_port) return BadArgument{"host_port"};
  request.host_port.number = static_cast<uint16_t>(*host_port);
  const auto guest = read_address(arguments, "guest_addr");
  if (!guest.good) return BadArgument{"guest_addr"};
  if (guest.address && !wire::is_unspecified(*guest.address)) {  // 0.0.0.0 and :: are libslirp's words for the default
    if (wire::is_martian(*guest.address)) return BadArgument{"guest_addr", "no frame may carry this address"};
    if (wire::is_group(*guest.address)) return BadArgument{"guest_addr", "no single host has this address"};
    if (guest.address->index() != request.host_address.index()) return BadArgument{"guest_addr"};
    request.guest_address = guest.address;
  }
  const auto guest_port = read_integer(arguments, "guest_port", 1, UINT16_MAX);
  if (!guest_port) return BadArgument{"guest_port"};
  request.guest_port.number = static_cast<uint16_t>(*guest_port);
  return request;
}

}  // namespace postern::api
