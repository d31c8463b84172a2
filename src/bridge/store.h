// store.h - the state folder: what networks and endpoints there should be. Everything else (links, rules, helpers) follows from
// it.
//
//   lock        flock(2): one operation at a time
//   pending     what that operation is about; a file that is there when nobody holds the lock was left by one that was killed
//   ports       the published ports, a line each, for the loopback proxy
//   proxy.json  that proxy
//   networks/NAME/network.json, addresses/ADDRESS, endpoints/ID@INTERFACE.json, names/
//
// A file is replaced whole: written beside, fsync(2), rename(2). An address is claimed by making its file (O_EXCL), so that the
// next free one is found without reading the others. /run is empty after a reboot, as are the kernel's tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/bridge/network.h"

#include "records.h"

namespace postern::bridge {

/// The name of an endpoint's files: a namespace may have several interfaces.
std::string key_of(std::string_view id, std::string_view interface);
inline std::string key_of(const Endpoint& endpoint) { return key_of(endpoint.id, endpoint.interface); }

class Store {
 public:
  /// The folder need not be there.
  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  /// Makes the folder, and waits until nobody else works on the state; it is ours until the descriptor is closed, or we end.
  /// Errors: EACCES; the folder belongs to another network namespace of this host, whose networks are not ours.
  Result<UniqueFd> lock() const;
  /// The same for who only looks: nothing is made, and where there is nothing the descriptor is empty.
  Result<UniqueFd> lock_to_look() const;

  Result<std::optional<Pending>> pending() const;
  Status set_pending(const Pending& pending) const { return replace("pending", to_text(pending)); }
  Status clear_pending() const;

  /// Files that were being written by one that was killed, and never came in the place of anything.
  Status remove_unfinished() const;

  /// A record that somebody has spoiled: nobody of ours writes one by halves.
  struct Damaged {
    std::string name;  // of the network; of an endpoint its key
    std::string why;
  };

  /// In the order of their names. Errors: EBADMSG: one cannot be read. Without it nobody knows what its members may do, so that
  /// no rules are made.
  Result<std::vector<Network>> networks() const;
  /// Those that can be read; and those that cannot, a folder that has lost its record among them.
  std::vector<Network> readable_networks() const;
  std::vector<Damaged> damaged_networks() const;
  /// Errors: ENOENT: there is none of that name; EBADMSG.
  Result<Network> network(const std::string& name) const;
  Status keep(const Network& network) const;
  /// Its record alone: what else there is of it is a folder that has lost it.
  Status forget_record(const std::string& name) const { return remove("networks/" + name + "/network.json"); }
  /// With all that is kept of it.
  Status forget_network(const std::string& name) const;
  /// The folder of its DNS server.
  std::string names_folder(const std::string& network) const { return folder_ + "/networks/" + network + "/names"; }

  /// Those that can be read; and those that cannot, which are to stop nobody else.
  Result<std::vector<Endpoint>> endpoints(const std::string& network) const;
  std::vector<Damaged> damaged_endpoints(const std::string& network) const;
  /// Errors: ENOENT; EBADMSG.
  Result<Endpoint> endpoint(const std::string& network, const std::string& key) const;
  Status keep(const Endpoint& endpoint) const;
  Status forget_endpoint(const std::string& network, const std::string& key) const;

  /// False: somebody has it.
  Result<bool> claim(const std::string& network, const IpAddress& address, std::string_view key) const;
  Status release(const std::string& network, const IpAddress& address) const;
  struct Claim {
    IpAddress address;
    std::string key;  // of the endpoint
  };
  Result<std::vector<Claim>> claims(const std::string& network) const;
  /// The address of that family which was given last.
  std::optional<IpAddress> last_given(const std::string& network, int family) const;
  Status set_last_given(const std::string& network, const IpAddress& address) const;

  const std::string& folder() const { return folder_; }
  std::string ports_file() const { return folder_ + "/ports"; }
  std::string ports() const;
  Status set_ports(std::string_view text) const { return replace("ports", text); }

  std::optional<ProxyRecord> proxy() const;
  Status set_proxy(const ProxyRecord& proxy) const { return replace("proxy.json", to_text(proxy)); }
  Status forget_proxy() const;

 private:
  Result<UniqueFd> hold_lock(int flags) const;
  /// Of the network namespace that we are in.
  Result<std::string> own_identity() const;
  Status check_identity(const std::string& ours) const;
  Status keep_identity() const;
  /// The keys of those that there are, whether they can be read or not.
  std::vector<std::string> keys(const std::string& network) const;
  std::string network_folder(const std::string& name) const { return folder_ + "/networks/" + name; }
  std::string endpoint_file(const std::string& network, const std::string& key) const {
    return "networks/" + network + "/endpoints/" + key + ".json";
  }
  /// `path` within the folder.
  Status replace(const std::string& path, std::string_view text) const;
  Status remove(const std::string& path) const;

  std::string folder_;
};

}  // namespace postern::bridge
