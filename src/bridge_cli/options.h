// options.h - what the command line of `postern bridge` says, checked; nothing of the host is looked at here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "postern/bridge/bridge.h"
#include "postern/command/say.h"

namespace postern::bridge_cli {

using command::Leave;

enum class Output { text, json };

struct UpOptions {
  bridge::NetworkSpec spec;
  bridge::IpForward ip_forward = bridge::IpForward::automatic;
  enum class Existing { is_an_error, is_taken } existing = Existing::is_an_error;
  Output output = Output::text;
};

struct DownOptions {
  std::string network;
  bridge::Bridge::Connected connected = bridge::Bridge::Connected::refuse;
};

struct ListOptions {
  Output output = Output::text;
};

struct InspectOptions {
  std::string network;
  Output output = Output::text;
};

struct AttachOptions {
  bridge::EndpointSpec spec;
  Output output = Output::text;
};

struct DetachOptions {
  std::string network;
  std::string which;  // an id, a PID or a path
  std::string interface;
};

struct PortsOptions {
  enum class Action { add, remove, list } action = Action::list;
  std::string network;  // may be empty for `list`: all
  std::string id;       // the same
  std::vector<bridge::PortRange> ports;
  Output output = Output::text;
};

struct CheckOptions {
  Output output = Output::text;
};
struct GcOptions {};
struct ReloadOptions {};
struct DoctorOptions {
  Output output = Output::text;
};

/// The server of loopback clients, which the engine starts and a person never does.
struct ProxyOptions {
  std::string ports_file;
};

using Options = std::variant<UpOptions, DownOptions, ListOptions, InspectOptions, AttachOptions, DetachOptions, PortsOptions,
                             CheckOptions, GcOptions, ReloadOptions, DoctorOptions, ProxyOptions, Leave>;

/// Writes help, or the one line that says what is wrong.
Options parse_options(int argc, char** argv);

}  // namespace postern::bridge_cli
