// bridge.h - the privileged mode: networks of the kernel's own bridge, veth pairs into namespaces, NAT and published ports.
//
//   container netns        host netns                                            table inet postern
//   eth0 ══ veth ══ pv1a2b3c ── NAME (bridge, 10.209.0.1) ── forward ── NAT ── eth0 ──► network
//
// Each call takes the one lock, writes its intent, makes what it makes, and takes the intent away; what a killed one has left
// half-made, the next call undoes first. docs/bridge.md draws the rules.
//
// In the host's network namespace, with CAP_NET_ADMIN and CAP_SYS_ADMIN. For one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postern/bridge/network.h"

namespace postern::bridge {

/// What to do where the host does not forward packets (net.ipv4.ip_forward and its sister): turn it on and say so; refuse;
/// leave it.
enum class IpForward { automatic, require, never };

/// Where things are.
struct Places {
  std::string state = "/run/postern/bridge";
  /// The program that serves loopback clients: argv[0] of `PROGRAM proxy`.
  std::string proxy_program;
};

/// A deviation of what is from what should be.
struct Problem {
  std::string object;  // "network blue", "endpoint web of blue", "rules"
  std::string what;    // "the table inet postern is missing"
  std::string remedy;  // "postern bridge reload"
};

/// A network and what is connected to it.
struct Members {
  Network network;
  std::vector<Endpoint> endpoints;
};

class Bridge {
 public:
  /// Makes nothing yet. Errors, in words: which capability is missing. Each call's: a kernel without nf_tables; another network
  /// namespace's state.
  static Result<Bridge> open(const Places& places);

  /// Errors name the subnet that overlaps and what it overlaps, the link that has the name already, what is missing.
  Result<Network> up(NetworkSpec spec, IpForward ip_forward);
  /// What `down` does while something is connected.
  enum class Connected { refuse, remove };
  /// Errors: EBUSY; ENOENT: there is none of that name.
  Status down(const std::string& network, Connected connected);

  Result<Endpoint> attach(EndpointSpec spec);
  /// `which`: an id, a PID, or the path it was attached by. Works when the namespace has gone. ENOENT: nothing of that kind.
  Status detach(const std::string& network, const std::string& which, std::string_view interface);

  /// All of them in one transaction, or none.
  Result<Endpoint> publish(const std::string& network, const std::string& id, const std::vector<PortRange>& ports);
  Result<Endpoint> unpublish(const std::string& network, const std::string& id, const std::vector<PortRange>& ports);

  Result<std::vector<Network>> networks();
  Result<std::vector<Endpoint>> endpoints(const std::string& network);
  /// Every network with what is connected to it, as they are at one moment.
  Result<std::vector<Members>> members();

  /// What is not as it should be; looks, and changes nothing.
  Result<std::vector<Problem>> check();
  /// Takes away what belongs to nobody: endpoints whose namespace has gone, links and rules of nobody. Says what.
  Result<std::vector<std::string>> gc();
  /// Makes bridges, rules and helpers again from what is kept.
  Status reload();

  struct Parts;  // of this room alone
  Bridge(Bridge&&) noexcept;
  ~Bridge();

 private:
  explicit Bridge(std::unique_ptr<Parts> parts);
  Result<Network> find(const std::string& name);
  using PortChange = std::function<Result<std::string>(Endpoint&)>;
  Result<Endpoint> change_ports(const std::string& network, const std::string& id, const PortChange& change);
  Result<Endpoint> find_published(const std::string& network, const std::string& id);
  Status put_ports(const Endpoint& endpoint, const std::string& commands);

  std::unique_ptr<Parts> parts_;
};

}  // namespace postern::bridge
