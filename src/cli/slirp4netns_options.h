// slirp4netns_options.h - slirp4netns's command line: the second grammar over the configuration that `attach` has.
//
// Its clients were written against glibc's getopt_long(3) and against texts, so both are kept: options and operands in any order,
// unambiguous prefixes, both forms of a value, old names. The contract and where we differ: docs/compatibility.md.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "options.h"

namespace postern::cli {

struct TapDescriptor {
  int fd;
};

struct BessSocket {
  std::string path;
};

/// What operand 1 names: a process, the path of a network namespace, a TAP that is open already, a socket to serve.
using Slirp4netnsTarget = std::variant<pid_t, std::string, TapDescriptor, BessSocket>;

struct Slirp4netnsOptions {
  Slirp4netnsTarget target;
  std::string tap;  // empty for the two targets that have no namespace
  AttachOptions::Configure configure = AttachOptions::Configure::no;
  NetworkOptions network;  // complete: nothing of it is left to automatic choice but the MAC address
  std::optional<int> exit_fd;
  std::string userns_path;  // empty: none was given
  std::string api_socket;   // empty: none was asked for
  enum class Asked { no, yes };
  Asked sandbox = Asked::no;
  Asked seccomp = Asked::no;
};

/// The text of each option as typed.
struct TypedSlirp4netns {
  std::optional<std::string> exit_fd, ready_fd, mtu, cidr, api_socket, netns_type, userns_path, target_type;
  std::optional<std::string> outbound4, outbound6, mac;
  bool configure = false, ipv6 = false, disable_host_loopback = false, disable_dns = false, sandbox = false, seccomp = false;
  std::vector<std::string> operands;
};

/// Why a command line is not served: `reason` goes to standard error, the usage to standard output where `shows_usage` says so.
struct Refusal {
  std::string reason;  // empty: the usage says it all
  enum class Usage { withheld, shown } usage = Usage::shown;
};

/// From what was typed to what is meant. Looks at the host only to see whether a path exists.
tl::expected<Slirp4netnsOptions, Refusal> to_slirp4netns_options(const TypedSlirp4netns& typed);

/// Reads the command line; writes help, version, warnings and refusals as slirp4netns does.
std::variant<Slirp4netnsOptions, Leave> parse_slirp4netns_options(int argc, char** argv);

/// Whether the program was started under slirp4netns's name: the last part of argv[0].
bool is_called_slirp4netns(int argc, char** argv);

}  // namespace postern::cli
