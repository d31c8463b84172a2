// instance.h - what the control socket drives: a running Postern, as this room sees it. `cli` plugs the real one in.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "postern/api/event_stream.h"
#include "postern/forward/port_table.h"
#include "postern/forward/splicer.h"
#include "postern/journey/following.h"
#include "postern/packet_filter/filter.h"
#include "postern/relay/drop.h"
#include "postern/relay/relay.h"
#include "postern/stack/flow.h"

namespace postern::api {

struct InstanceStatus {
  std::string version;
  pid_t pid = 0;
  std::string engine;  // "fast, with libslirp 4.7.0"
  netns::TapMode tap;
  stack::StackConfig network;
  std::optional<Ipv6> guest6;
  std::chrono::seconds uptime{};
  size_t open_flows = 0;
  std::optional<relay::NameServiceState> names;  // of the fast engine
  /// Clients of published ports that are on the host's loopback: the way by which they come, and as whom they are seen inside.
  struct LoopbackClients {
    const char* way;     // "splice", "tap"
    const char* source;  // "namespace", "loopback", "gateway"
  } loopback_clients = {"tap", "gateway"};
};

struct InstanceCounters {
  relay::Relay::Counters frames;
  relay::DropCounters drops;
  std::optional<flow::TcpEngine::Counters> engine;  // of the fast one
  std::optional<forward::Splicer::Counters> spliced;
  std::optional<flow::DatagramEngine::Counters> datagrams;
  std::optional<dns::DnsRelay::Counters> names;
};

/// Which packets a client wants to hear of.
struct TraceWish {
  packet_filter::Filter filter;
  journey::Following::Extent follow = journey::Following::Extent::connection;
};

class Instance {
 public:
  virtual Result<forward::Published> add_forward(const forward::PortRequest& request) = 0;
  virtual Status remove_forward(forward::ForwardId id, forward::OpenConnections open) = 0;
  virtual std::vector<forward::Published> forwards() const = 0;
  virtual InstanceStatus status() const = 0;
  virtual InstanceCounters counters() const = 0;
  virtual stack::Flows flows(size_t most) const = 0;
  /// Events for `stream`, which must outlive what is returned. Errors: too many do that.
  virtual Result<std::unique_ptr<Tracing>> start_trace(TraceWish wish, EventStream& stream) = 0;

 protected:
  ~Instance() = default;
};

}  // namespace postern::api
