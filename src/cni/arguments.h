// arguments.h - what a runtime says by the environment: which command, for which container. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "postern/base/address.h"

#include "refusal.h"
#include "version.h"

namespace postern::cni {

using Environment = std::map<std::string, std::string, std::less<>>;

/// `environment` as environ(7) has it.
Environment read_environment(const char* const* environment);

struct Arguments {
  Command command = Command::version;
  std::string container_id;
  std::string netns;      // may be empty in DEL: the namespace has gone
  std::string interface;  // inside
  std::string path;       // folders of plugins, separated by ":"
  // Of CNI_ARGS; what else stands there is other plugins' affair.
  std::optional<IpAddress> address;
  std::optional<Mac> mac;
  std::string pod_name;
};

/// Refuses what is missing for the command, and what is no container's id or interface's name.
Outcome<Arguments> read_arguments(const Environment& environment);

/// "02:42:ac:11:00:02"; nothing: it is something else, or a group's address.
std::optional<Mac> parse_mac(std::string_view text);

}  // namespace postern::cni
