#include "postern/workload/etc_files.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

namespace postern::workload {

namespace {

template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    visit(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

std::string_view first_word(std::string_view line) {
  const size_t start = line.find_first_not_of(" \t");
  if (start == line.npos) return {};
  return line.substr(start, line.find_first_of(" \t", start) - start);
}

}  // namespace

std::string resolv_conf(std::string_view host_text, const std::vector<IpAddress>& nameservers) {
  std::string text;
  for (const IpAddress& server : nameservers) text += fmt::format("nameserver {}\n", to_string(server));
  for_each_line(host_text, [&](std::string_view line) {
    const std::string_view keyword = first_word(line);
    if (keyword == "search" || keyword == "domain" || keyword == "options") text += fmt::format("{}\n", line);
  });
  return text;
}

bool names_server(std::string_view resolv_conf_text, int family) {
  bool found = false;
  for_each_line(resolv_conf_text, [&](std::string_view line) {
    const std::string_view keyword = first_word(line);
    if (keyword != "nameserver") return;
    const std::string_view address = first_word(line.substr(line.find(keyword) + keyword.size()));
    const bool is_ipv6 = address.find(':') != address.npos;  // with or without a zone
    found |= is_ipv6 == (family == AF_INET6) && !address.empty();
  });
  return found;
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
