#include "postern/wire/resolv_conf.h"

#include <string>

#include "postern/workload/etc_files.h"

#include "fuzz_input.h"

using namespace postern;

/// Who runs the host's network writes its resolv.conf, by DHCP say: what we put inside names our servers and no other. A line of
/// ours for /etc/hosts is one line.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const std::string& server : wire::name_servers(text)) {
    POSTERN_ASSERT(!server.empty() && server.find_first_of(" \t\n") == server.npos && text.find(server) != text.npos);
  }
  const IpAddress ours = Ipv4::of(10, 0, 2, 3);
  const auto inside = wire::name_servers(workload::resolv_conf(text, {ours}));
  POSTERN_ASSERT(inside == std::vector<std::string>{"10.0.2.3"});
  POSTERN_ASSERT(workload::names_server("nameserver 10.0.2.3\n" + text, AF_INET));
  workload::names_server(text, AF_INET6);

  const std::string hosts = workload::hosts(text, {{"host.postern.internal", ours}});
  POSTERN_ASSERT(hosts.starts_with("10.0.2.3\thost.postern.internal\n") && hosts.find(text) != hosts.npos);
  if (const auto entry = workload::parse_host_entry(text)) {
    POSTERN_ASSERT(workload::hosts("\n", {*entry}) == to_string(entry->address) + "\t" + entry->name + "\n\n");
    POSTERN_ASSERT(!entry->name.empty() && entry->name.find('\n') == entry->name.npos);
  }
  return 0;
}
