#include "postern/workload/etc_files.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

#include "postern/base/text.h"
#include "postern/wire/resolv_conf.h"

namespace postern::workload {

std::string resolv_conf(std::string_view host_text, const std::vector<IpAddress>& nameservers) {
  std::string text;
  for (const IpAddress& server : nameservers) text += fmt::format("nameserver {}\n", to_string(server));
  while (!host_text.empty()) {
    const std::string_view line = take_line(host_text);
    std::string_view rest = line;
    const std::string_view keyword = take_word(rest);
    if (keyword == "search" || keyword == "domain" || keyword == "options") text += fmt::format("{}\n", line);
  }
  return text;
}

bool names_server(std::string_view resolv_conf_text, int family) {
  const auto servers = wire::name_servers(resolv_conf_text);
  return std::any_of(servers.begin(), servers.end(), [family](const std::string& server) {
    const bool is_ipv6 = server.find(':') != server.npos;  // with or without a zone
    return is_ipv6 == (family == AF_INET6);
  });
}

std::string hosts(std::string_view host_text, const std::vector<HostEntry>& entries) {
  std::string text;
  for (const HostEntry& entry : entries) text += fmt::format("{}\t{}\n", to_string(entry.address), entry.name);
  text += host_text.empty() ? "127.0.0.1\tlocalhost\n::1\tlocalhost\n" : host_text;
  return text;
}

std::optional<HostEntry> parse_host_entry(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == text.npos) return std::nullopt;
  const std::string_view name = text.substr(0, colon);
  std::string_view address = text.substr(colon + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  const auto parsed = parse_ip(address);
  const bool name_is_one_word = name.find_first_of(" \t\r\n#") == name.npos;
  if (!parsed || !name_is_one_word) return std::nullopt;
  return HostEntry{std::string(name), *parsed};
}

}  // namespace postern::workload
