// bridge_program.h - postern-bridge, the program of the privileged mode: `postern bridge ...` becomes it, and `postern run
// --network bridge` asks it. It is one of its own because it needs libnftables, which costs every start of a relay 3 MiB.
#pragma once

#include <string>
#include <vector>

#include "options.h"

namespace postern::cli {

inline constexpr const char* kBridgeProgram = "postern-bridge";

/// Whether the error is one that postern-bridge has told in its own words: there is no more to say of it.
bool was_told(const Error& error);

/// What a command needs to know of the network that it is to be in.
struct BridgeNetwork {
  std::vector<IpAddress> gateways;  // the host's addresses in it
  bool answers_names = false;       // at the gateways
  bool reaches_host = true;         // not where it is internal
};

/// Reads what `postern-bridge up --json` prints.
Result<BridgeNetwork> read_bridge_network(std::string_view json);

/// One command's place in a bridge network: made before the command, joined when its namespace is there, left when this goes.
class BridgeMember {
 public:
  /// Makes the network, where there is none of that name. Errors: a capability that we lack; what postern-bridge could not do,
  /// which it has told by then.
  static Result<BridgeMember> open(const BridgeChoice& choice);
  BridgeMember(BridgeMember&& other) noexcept = default;  // before join() only
  ~BridgeMember();

  const BridgeNetwork& network() const { return network_; }
  /// `proc_folder`: of a process in the namespace, as Workload has it.
  Status join(const std::string& proc_folder);

 private:
  BridgeMember(std::string program, BridgeChoice choice, BridgeNetwork network);
  std::string program_;
  BridgeChoice choice_;
  BridgeNetwork network_;
  std::string id_;
  bool joined_ = false;
};

}  // namespace postern::cli
