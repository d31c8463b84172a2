// etc_files.h - what /etc/resolv.conf and /etc/hosts say inside. Text in, text out; mounting is workload.cpp's job.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postern/base/address.h"

namespace postern::workload {

/// The name by which a program inside finds the host.
inline constexpr std::string_view kHostName = "host.postern.internal";

struct HostEntry {
  std::string name;
  IpAddress address;
};

/// resolv.conf(5): `nameservers` instead of the host's own, whose search list and options stay.
std::string resolv_conf(std::string_view host_text, const std::vector<IpAddress>& nameservers);
/// Whether the text names a server of the family (AF_INET, AF_INET6).
bool names_server(std::string_view resolv_conf_text, int family);
/// hosts(5): `entries` come before the host's own lines, for the first match counts.
std::string hosts(std::string_view host_text, const std::vector<HostEntry>& entries);
/// "NAME:ADDRESS", as docker run --add-host. The address may be IPv6, in brackets or not.
std::optional<HostEntry> parse_host_entry(std::string_view text);

}  // namespace postern::workload
