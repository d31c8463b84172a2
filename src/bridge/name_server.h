// name_server.h - the DNS server of a network: a dnsmasq at the gateway's addresses that knows the names of what is connected.
//
//   container ── query ──► gateway:53  dnsmasq ──► hosts/ID   "10.209.0.2 web": web and web.NETWORK
//                                         └──────► the host's resolv.conf, which it follows; not for an internal network
//
// It is nobody's child; all that is known of it is in its folder: dnsmasq.conf, dnsmasq.pid, hosts/. dnsmasq runs as `nobody`, so
// the folder and those above it must let others pass (0711 or 0755). In the host's network namespace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"

namespace postern::bridge {

struct NameServerPlan {
  std::string folder;                // exists; ours alone
  std::string network;               // its name, and the domain of the names in it
  std::string bridge;                // the link it serves
  std::vector<IpAddress> addresses;  // of the gateway: where it listens, port 53
  bool has_upstream = true;          // false: an internal network, nothing is forwarded
};

/// Returns when it serves; some 20 ms. One that runs by the same plan is left as it is; by another one it is replaced.
/// An IPv6 address that is still tentative is served as soon as it is not.
/// Errors, in words: dnsmasq is missing; who has port 53; what dnsmasq itself says.
Status start_name_server(const NameServerPlan& plan);
bool name_server_runs(const std::string& folder);
/// One that is gone already is no error.
Status stop_name_server(const std::string& folder);

/// From now on `names` lead to `addresses`, instead of what was there under `id`. Works too while the server does not run.
/// Errors: EINVAL: a name is none (host_name.h), or `id` cannot be a file's.
Status add_names(const std::string& folder, const std::string& id, const std::vector<std::string>& names,
                 const std::vector<IpAddress>& addresses);
/// From now on they lead nowhere. None under `id` is no error.
Status remove_names(const std::string& folder, const std::string& id);

}  // namespace postern::bridge
