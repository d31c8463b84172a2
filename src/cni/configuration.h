// configuration.h - what a runtime says on standard input, and an IPAM plugin on its output: hostile JSON into what can be
// trusted. Pure. The JSON library stays in configuration.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "add_result.h"
#include "refusal.h"
#include "version.h"
#include "wish.h"

namespace postern::cni {

/// A container's interface that a runtime knows, by CNI's own key.
struct Attachment {
  std::string container_id;
  std::string interface;
  bool operator==(const Attachment&) const = default;
};

struct Configuration {
  Version version = kLatest;
  std::string name;
  NetworkWish network;
  std::optional<std::string> ipam;  // the plugin that chooses addresses; nothing: we do
  // Of the one container:
  std::vector<bridge::PortRange> ports;
  std::vector<IpAddress> addresses;
  std::optional<Mac> mac;
  std::vector<std::string> names;
  Dns dns;
  std::optional<AddResult> previous;
  std::optional<std::vector<Attachment>> valid_attachments;  // GC alone
};

/// Refuses a version that is not spoken, and values that are not what their key wants. Keys of others are passed over.
Outcome<Configuration> read_configuration(std::string_view json);

/// The version in which to answer: the configuration's if it can be read and is spoken, else the latest.
Version version_of(std::string_view json);

/// What an IPAM plugin answers to ADD.
Outcome<AddResult> read_result(std::string_view json);
/// What an IPAM plugin answers when it fails. Nothing: this is no such answer.
std::optional<Refusal> read_refusal(std::string_view json);

}  // namespace postern::cni
