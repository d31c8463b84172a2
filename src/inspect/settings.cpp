#include "settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::inspect {

namespace {

std::optional<std::string> read_sysctl(const std::string& path) {
  const auto text = read_file("/proc/sys/" + path, 256);
  return text ? std::optional(std::string(trim(*text))) : std::nullopt;
}

/// As sysctl(8) names it; a device's name may have dots itself, which it writes as slashes.
std::string dotted(std::string path) {
  std::ranges::transform(path, path.begin(), [](char c) { return c == '/' ? '.' : c == '.' ? '/' : c; });
  return path;
}

std::optional<uint64_t> read_count(const std::string& path) {
  const auto text = read_sysctl(path);
  return text ? whole_number<uint64_t>(*text) : std::nullopt;
}

constexpr const char* kSettings[] = {
    "net/ipv4/ip_forward",         "net/ipv6/conf/all/forwarding",       "net/ipv6/conf/all/disable_ipv6",
    "net/ipv4/conf/all/rp_filter", "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables",
};

}  // namespace

void read_settings(NamespaceView& view) {
  for (const std::string path : kSettings) {
    if (auto value = read_sysctl(path)) view.sysctls.emplace_back(dotted(path), std::move(*value));
  }
  for (const DeviceView& device : view.devices) {  // what counts is the greater of all's and the device's, ip-sysctl.rst
    const std::string path = fmt::format("net/ipv4/conf/{}/rp_filter", device.name);
    auto value = read_sysctl(path);
    if (value && *value != "0") view.sysctls.emplace_back(dotted(path), std::move(*value));
  }
  if (view.sysctls.empty()) view.unread.emplace_back("settings of forwarding: /proc/sys/net cannot be read");
  view.connections = read_count("net/netfilter/nf_conntrack_count");
  view.most_connections = read_count("net/netfilter/nf_conntrack_max");
}

}  // namespace postern::inspect
