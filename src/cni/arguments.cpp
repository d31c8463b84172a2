#include "arguments.h"

#include <net/if.h>

#include <algorithm>

#include "postern/base/text.h"

namespace postern::cni {

namespace {

constexpr size_t kLongestId = 128;  // the engine's

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_container_id(std::string_view id) {
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  return !id.empty() && id.size() <= kLongestId && is_alphanumeric(id.front()) && std::all_of(id.begin(), id.end(), fits);
}

bool is_interface_name(std::string_view interface) {
  if (interface.empty() || interface.size() >= IFNAMSIZ || interface == "." || interface == "..") return false;
  return interface.find_first_of("/: \t\r\n\v\f") == interface.npos;
}

std::string value_of(const Environment& environment, std::string_view key) {
  const auto found = environment.find(key);
  return found == environment.end() ? "" : found->second;
}

Outcome<Command> read_command(const Environment& environment) {
  const std::string command = value_of(environment, "CNI_COMMAND");
  if (command.empty()) {
    return refuse(Code::bad_environment, "CNI_COMMAND is not set",
                  "postern-cni is a CNI plugin: a container runtime starts it. By hand: `postern bridge`");
  }
  const auto* const found = std::find(kCommands.begin(), kCommands.end(), command);
  if (found == kCommands.end()) return refuse(Code::bad_environment, "CNI_COMMAND is unknown: " + command);
  return static_cast<Command>(found - kCommands.begin());
}

/// CNI_ARGS: "KEY=VALUE;KEY=VALUE".
Done read_extra(std::string_view extra, Arguments& arguments) {
  while (!extra.empty()) {
    std::string_view value = take_until(extra, ';');
    const std::string_view key = take_until(value, '=');
    if (key == "IP") {
      arguments.address = parse_ip(value);
      if (!arguments.address) return refuse(Code::bad_environment, "CNI_ARGS: IP is no address: " + std::string(value));
    } else if (key == "MAC") {
      arguments.mac = parse_mac(value);
      if (!arguments.mac) return refuse(Code::bad_environment, "CNI_ARGS: MAC is no station's address: " + std::string(value));
    } else if (key == "K8S_POD_NAME") {
      arguments.pod_name = value;
    }
  }
  return {};
}

Done check_container(const Arguments& arguments) {
  if (arguments.container_id.empty()) return refuse(Code::bad_environment, "CNI_CONTAINERID is not set");
  if (!is_container_id(arguments.container_id)) {
    return refuse(Code::bad_environment, "CNI_CONTAINERID is not 1 to 128 letters, digits and _.-: " + arguments.container_id);
  }
  if (arguments.interface.empty()) return refuse(Code::bad_environment, "CNI_IFNAME is not set");
  if (!is_interface_name(arguments.interface)) {
    return refuse(Code::bad_environment, "CNI_IFNAME is no interface's name: " + arguments.interface);
  }
  if (arguments.netns.empty() && arguments.command != Command::del) return refuse(Code::bad_environment, "CNI_NETNS is not set");
  return {};
}

}  // namespace

Environment read_environment(const char* const* environment) {
  Environment read;
  for (; environment && *environment; ++environment) {
    std::string_view value = *environment;
    const std::string_view key = take_until(value, '=');
    read.emplace(key, value);
  }
  return read;
}

std::optional<Mac> parse_mac(std::string_view text) {
  Mac mac;
  for (uint8_t& octet : mac.octets) {
    const std::string_view digits = take_until(text, ':');
    const auto number = digits.size() == 2 ? whole_number<uint8_t>(digits, 16) : std::nullopt;
    if (!number) return std::nullopt;
    octet = *number;
  }
  if (!text.empty() || mac.is_multicast() || mac == Mac{}) return std::nullopt;
  return mac;
}

Outcome<Arguments> read_arguments(const Environment& environment) {
  const auto command = read_command(environment);
  if (!command) return tl::unexpected(command.error());
  Arguments arguments;
  arguments.command = *command;
  arguments.container_id = value_of(environment, "CNI_CONTAINERID");
  arguments.netns = value_of(environment, "CNI_NETNS");
  arguments.interface = value_of(environment, "CNI_IFNAME");
  arguments.path = value_of(environment, "CNI_PATH");
  if (*command == Command::add || *command == Command::del || *command == Command::check) {
    if (const Done fits = check_container(arguments); !fits) return tl::unexpected(fits.error());
    const Done read = read_extra(value_of(environment, "CNI_ARGS"), arguments);
    // What cannot be read cannot have been attached: a DEL still takes away what is there.
    if (!read && *command != Command::del) return tl::unexpected(read.error());
  }
  return arguments;
}

}  // namespace postern::cni
