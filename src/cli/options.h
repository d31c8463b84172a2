// options.h - what the command line says, checked; nothing of the host is looked at here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "postern/api/control_client.h"
#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/command/say.h"
#include "postern/doctor/doctor.h"
#include "postern/flow/datagram_engine.h"
#include "postern/forward/port_table.h"
#include "postern/relay/engine.h"
#include "postern/relay/target_watch.h"
#include "postern/stack/slirp_stack.h"
#include "postern/workload/etc_files.h"
#include "postern/workload/workload.h"

namespace postern::cli {

using command::answer, command::say;
using command::kFailure, command::kUsage, command::Leave;

enum class Choice { automatic, on, off };
enum class HostReach { open, isolated };  // whether the host's own addresses can be reached from inside
/// As whom a program inside sees a client of a published port that is on the host's loopback.
enum class PublishSource { namespace_address, loopback, gateway };
enum class SandboxMode { required, best_effort, off };

/// What `run` and `attach` share: the virtual network.
struct NetworkOptions {
  relay::Engine engine = relay::kDefaultEngine;
  std::optional<unsigned> mtu_bytes;
  std::optional<Cidr4> cidr;
  Choice ipv6 = Choice::automatic;
  std::vector<IpAddress> name_servers;  // that the DNS addresses lead to; none: the host's
  stack::HostLoopback host_loopback = stack::HostLoopback::closed;
  HostReach host_reach = HostReach::open;
  stack::Dns dns = stack::Dns::redirected;
  std::optional<std::string> outbound4;  // an address, or the name of an interface
  std::optional<std::string> outbound6;
  std::optional<Mac> mac;
  std::optional<size_t> max_flows;
  flow::DatagramPolicy datagrams;
  std::vector<forward::PortSpec> publish;
  std::optional<PublishSource> publish_source;
  std::vector<stack::Reach> reach;
  std::optional<int> ready_fd;
  std::optional<std::string> api_socket;
  std::optional<std::string> pcap;
  SandboxMode sandbox = SandboxMode::required;
};

enum class NetworkMode { slirp, none, host, bridge };

/// What `run --network bridge` asks of postern-bridge, in the words that it takes.
struct BridgeChoice {
  std::string network = "postern0";
  std::vector<std::string> publish, addresses, host_names;
};

struct RunOptions {
  NetworkMode mode = NetworkMode::slirp;
  NetworkOptions network;
  BridgeChoice bridge;
  std::vector<workload::HostEntry> add_host;
  workload::Identity identity = workload::Identity::root;
  workload::IdRanges id_ranges = workload::IdRanges::caller;
  std::vector<std::string> environment;
  std::optional<std::string> working_directory;
  enum class SharedFolders { shown, hidden } shared_folders = SharedFolders::shown;
  enum class CallersDeath { ignored, ends_all } callers_death = CallersDeath::ignored;
  std::vector<std::string> command;
};

struct AttachOptions {
  relay::Target target;
  std::string tap;
  enum class Configure { no, yes } configure = Configure::no;
  NetworkOptions network;
};

struct DoctorOptions {
  doctor::Format format = doctor::Format::text;
};

enum class Output { text, json };

struct PortsOptions {
  enum class Action { add, remove, list } action = Action::list;
  api::InstanceChoice instance;
  std::vector<forward::PortSpec> ports;  // to add or to remove
  std::vector<forward::ForwardId> ids;   // to remove
  forward::OpenConnections open_connections = forward::OpenConnections::go_on;
  Output output = Output::text;
};

struct StatusOptions {
  api::InstanceChoice instance;
  enum class Format { text, json, prometheus } format = Format::text;
};

struct TopOptions {
  api::InstanceChoice instance;
  Output output = Output::text;
  std::chrono::milliseconds interval{1000};
  std::optional<uint64_t> count;  // of samples; nothing: until somebody ends it
  enum class Sort { rate, bytes, rtt } sort = Sort::rate;
};

/// `postern bridge ...`, `postern trace ...`: whatever stands there, another program reads.
struct ProgramOptions {
  std::string program;
  std::vector<std::string> arguments;
};

using Options =
    std::variant<RunOptions, AttachOptions, PortsOptions, StatusOptions, TopOptions, DoctorOptions, ProgramOptions, Leave>;

/// Writes help, or the one line that says what is wrong. Sets the level of the log.
Options parse_options(int argc, char** argv);

}  // namespace postern::cli
