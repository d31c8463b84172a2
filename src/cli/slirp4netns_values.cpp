// slirp4netns_values.cpp - what slirp4netns's options mean, and the texts in which it refuses them: clients and tests search
// these.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "postern/base/text.h"

#include "slirp4netns_options.h"

namespace postern::cli {

namespace {

template <class T>
using Checked = tl::expected<T, Refusal>;
using Refused = tl::unexpected<Refusal>;

using stack::kGreatestMtu, stack::kLeastMtu, stack::kLeastMtu6;

constexpr unsigned kDefaultMtu = 1500;
constexpr unsigned kLongestPrefix = stack::AddressPlan::kLongestPrefix;
constexpr size_t kSocketPathSize = 108;  // sun_path with its end, unix(7)
constexpr size_t kDeviceNameSize = 16;   // IFNAMSIZ

/// A mistake in how it was called; and one in a value, behind which the usage would only hide the reason.
Refused misused(std::string reason) { return Refused({std::move(reason), Refusal::Usage::shown}); }
Refused wrong_value(std::string reason) { return Refused({std::move(reason), Refusal::Usage::withheld}); }

/// A whole number in strtol(3)'s sense; an empty text is 0, which the first versions took for a descriptor.
std::optional<long> as_strtol_reads(const std::string& text) {
  errno = 0;
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (*end != '\0' || errno != 0) return std::nullopt;
  return value;
}

Checked<std::optional<int>> descriptor(const std::optional<std::string>& text, std::string_view name) {
  if (!text) return std::nullopt;
  const auto number = as_strtol_reads(*text);
  if (!number || *number < 0 || *number > std::numeric_limits<int>::max())
    return misused(fmt::format("{} must be a non-negative integer", name));
  return static_cast<int>(*number);
}

Checked<unsigned> mtu(const std::optional<std::string>& text) {
  if (!text) return kDefaultMtu;
  const auto number = as_strtol_reads(*text);
  if (!number || *number <= 0 || *number > long{kGreatestMtu}) return misused("MTU must be a positive integer (< 65522)");
  if (*number < long{kLeastMtu}) return wrong_value(fmt::format("cannot set MTU {}: IPv4 needs at least {}", *number, kLeastMtu));
  return static_cast<unsigned>(*number);
}

bool is_digits(std::string_view text, size_t most) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), digit);
}

/// Four groups of one to three digits, a slash, one or two digits: the shape alone.
bool is_shaped_as_cidr(std::string_view text) {
  std::string_view groups = take_until(text, '/');
  for (int i = 0; i < 3; ++i) {
    if (groups.find('.') == groups.npos || !is_digits(take_until(groups, '.'), 3)) return false;
  }
  return is_digits(groups, 3) && is_digits(text, 2);
}

Checked<Cidr4> cidr(const std::optional<std::string>& text) {
  if (!text) return *Cidr4::make(Ipv4::of(10, 0, 2, 0), 24);
  if (!is_shaped_as_cidr(*text)) return wrong_value("invalid CIDR: " + *text);
  std::string_view prefix = *text;
  const std::string address_text(take_until(prefix, '/'));
  const auto address = Ipv4::parse(address_text);
  if (!address) return wrong_value("invalid network address: " + address_text);
  unsigned bits = 0;
  std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
  if (bits < 1 || bits > kLongestPrefix) return wrong_value(fmt::format("prefix length needs to be 1-{}", kLongestPrefix));
  const Cidr4 network = *Cidr4::make(*address, bits);
  if (network.network() == *address) return network;
  return wrong_value(fmt::format("CIDR needs to be a network address like {}, not like {}", network.to_string(), *text));
}

Checked<std::optional<Mac>> mac(const TypedSlirp4netns& typed) {
  if (!typed.mac) return std::nullopt;
  if (!typed.configure) return misused("--macaddr cannot be specified when --configure or -c is not specified");
  Mac address;
  std::string_view rest = *typed.mac;
  bool good = std::count(rest.begin(), rest.end(), ':') == 5;
  for (size_t i = 0; good && i < address.octets.size(); ++i) {
    const std::string_view group = take_until(rest, ':');
    const char* end = group.data() + group.size();
    good = !group.empty() && group.size() <= 2 && std::from_chars(group.data(), end, address.octets[i], 16).ptr == end;
  }
  if (!good)
    return wrong_value(fmt::format("--macaddress {} is no MAC address: six bytes in hex, as 02:00:5e:00:53:01", *typed.mac));
  if (address.is_multicast()) return wrong_value(fmt::format("--macaddress {} is a group's address, not a device's", *typed.mac));
  return address;
}

/// An address of the family, or a text that may be an interface's name.
Checked<std::optional<std::string>> outbound(const std::optional<std::string>& text, int family) {
  if (!text) return std::nullopt;
  const bool of_family = family == AF_INET ? Ipv4::parse(*text).has_value() : Ipv6::parse(*text).has_value();
  if (of_family || !parse_ip(*text)) return text;
  return wrong_value(fmt::format("{0} has to be valid {1} address or interface name.",
                                 family == AF_INET ? "outbound-addr" : "outbound-addr6", family == AF_INET ? "ipv4" : "ipv6"));
}

Checked<NetworkOptions> network_options(const TypedSlirp4netns& typed) {
  NetworkOptions network;
  const auto chosen_cidr = cidr(typed.cidr);
  if (!chosen_cidr) return Refused(chosen_cidr.error());
  network.cidr = *chosen_cidr;
  const auto outbound4 = outbound(typed.outbound4, AF_INET);
  if (!outbound4) return Refused(outbound4.error());
  network.outbound4 = *outbound4;
  const auto outbound6 = outbound(typed.outbound6, AF_INET6);
  if (!outbound6) return Refused(outbound6.error());
  network.outbound6 = *outbound6;
  network.ipv6 = typed.ipv6 ? Choice::on : Choice::off;
  network.host_loopback = typed.disable_host_loopback ? stack::HostLoopback::closed : stack::HostLoopback::gateway;
  network.datagrams.filtering = flow::Filtering::full_cone;  // as slirp4netns's: its users' peers may come from anywhere
  network.dns = typed.disable_dns ? stack::Dns::ordinary : stack::Dns::redirected;
  return network;
}

Checked<Slirp4netnsTarget> bess_target(const TypedSlirp4netns& typed) {
  const std::string conflict = typed.configure     ? "--configure"
                               : typed.netns_type  ? "--netns-type"
                               : typed.userns_path ? "--userns-path"
                                                   : "";
  if (!conflict.empty()) return misused(conflict + " conflicts with --target-type=bess");
  if (typed.operands.size() > 1) return misused("too many arguments");
  if (typed.operands.empty()) return misused("");
  if (typed.operands[0].size() >= kSocketPathSize) return wrong_value("the path of the BESS socket is too long (>= 108)");
  return BessSocket{typed.operands[0]};
}

Checked<Slirp4netnsTarget> namespace_target(const TypedSlirp4netns& typed) {
  const std::string type = typed.netns_type.value_or("pid");
  const size_t wanted = type == "tapfd" ? 1 : 2;
  if (typed.operands.size() < wanted) return misused("");
  const std::string& operand = typed.operands[0];
  const auto number = as_strtol_reads(operand);
  const bool is_int = number && *number <= std::numeric_limits<int>::max();
  if (type == "tapfd") {
    if (!is_int || *number < 0) return misused("TAPFD must a file descriptor");  // as its clients know it
    return TapDescriptor{static_cast<int>(*number)};
  }
  if (type == "pid") {
    if (!is_int || *number <= 0) return misused("PID must be a positive integer");
    return static_cast<pid_t>(*number);
  }
  if (::access(operand.c_str(), F_OK) < 0)
    return misused(fmt::format("existing path expected when --netns-type=path: {}", std::strerror(errno)));
  return operand;
}

Checked<Slirp4netnsTarget> target(const TypedSlirp4netns& typed) {
  const std::string type = typed.target_type.value_or("netns");
  if (type == "bess") return bess_target(typed);
  if (type == "netns") return namespace_target(typed);
  return misused("--target-type must be either \"netns\" or \"bess\"");
}

bool has_namespace(const Slirp4netnsTarget& target) {
  return std::holds_alternative<pid_t>(target) || std::holds_alternative<std::string>(target);
}

/// Why the device cannot have this name; empty if it can. slirp4netns cuts a long name and lets the kernel fill in a "%d": then
/// the client looks for a device that is not there.
std::string fault_of_name(const std::string& tap) {
  if (tap.size() >= kDeviceNameSize)
    return fmt::format("TAPNAME {} is too long: {} characters at most", tap, kDeviceNameSize - 1);
  if (tap.empty() || tap.find_first_of("%/") != tap.npos) return fmt::format("TAPNAME \"{}\" is no name for a device", tap);
  return "";
}

}  // namespace

tl::expected<Slirp4netnsOptions, Refusal> to_slirp4netns_options(const TypedSlirp4netns& typed) {
  Slirp4netnsOptions options;
  if (typed.userns_path && ::access(typed.userns_path->c_str(), F_OK) < 0)
    return misused("userns path doesn't exist: " + *typed.userns_path);
  const auto exit_fd = descriptor(typed.exit_fd, "exit-fd");
  if (!exit_fd) return Refused(exit_fd.error());
  const auto ready_fd = descriptor(typed.ready_fd, "ready-fd");
  if (!ready_fd) return Refused(ready_fd.error());
  const auto mtu_bytes = mtu(typed.mtu);
  if (!mtu_bytes && mtu_bytes.error().usage == Refusal::Usage::shown) return Refused(mtu_bytes.error());
  const auto mac_address = mac(typed);
  if (!mac_address && mac_address.error().usage == Refusal::Usage::shown) return Refused(mac_address.error());
  const auto chosen_target = target(typed);
  if (!chosen_target) return Refused(chosen_target.error());
  options.target = *chosen_target;
  if (has_namespace(options.target)) options.tap = typed.operands[1];
  const auto network = network_options(typed);
  if (!network) return Refused(network.error());
  options.network = *network;
  if (!mac_address) return Refused(mac_address.error());
  if (!mtu_bytes) return Refused(mtu_bytes.error());
  if (const std::string fault = fault_of_name(options.tap); has_namespace(options.target) && !fault.empty())
    return wrong_value(fault);
  options.api_socket = typed.api_socket.value_or("");
  if (options.api_socket.size() >= kSocketPathSize) return wrong_value("the specified API socket path is too long (>= 108)");
  options.network.mac = *mac_address;
  options.network.mtu_bytes = *mtu_bytes;
  if (*mtu_bytes < kLeastMtu6) options.network.ipv6 = Choice::off;  // the kernel has none on such a link
  options.network.ready_fd = *ready_fd;
  options.exit_fd = *exit_fd;
  options.userns_path = typed.userns_path.value_or("");
  using Asked = Slirp4netnsOptions::Asked;
  options.configure = typed.configure ? AttachOptions::Configure::yes : AttachOptions::Configure::no;
  options.sandbox = typed.sandbox ? Asked::yes : Asked::no;
  options.seccomp = typed.seccomp ? Asked::yes : Asked::no;
  return options;
}

}  // namespace postern::cli
