// report.h - networks, endpoints and problems for a person, and for a program. Pure.
#pragma once

#include <string>
#include <vector>

#include "postern/base/finding.h"
#include "postern/bridge/bridge.h"

namespace postern::bridge_cli {

using bridge::Members;

/// "10.209.0.2/24 fd3b:..::2/64": an endpoint's own.
std::string addresses_text(const std::vector<bridge::Subnet>& addresses);
/// "blue: 10.209.0.0/24 fd3b:..::/64"
std::string up_text(const bridge::Network& network);
std::string list_text(const std::vector<Members>& networks);
std::string inspect_text(const Members& view);
std::string ports_text(const std::vector<bridge::Endpoint>& endpoints);
std::string problems_text(const std::vector<bridge::Problem>& problems);

/// Words of the command line, which the reports use too.
std::string_view name_of(bridge::Isolation isolation);
std::string_view name_of(bridge::Protocol protocol);

/// The shapes are a promise: README.md of this room. Each ends with a newline.
std::string network_json(const bridge::Network& network);
std::string endpoint_json(const bridge::Endpoint& endpoint);
std::string list_json(const std::vector<Members>& networks);
std::string inspect_json(const Members& view);
std::string ports_json(const std::vector<bridge::Endpoint>& endpoints);
std::string problems_json(const std::vector<bridge::Problem>& problems);
std::string findings_json(const std::vector<Finding>& findings);

}  // namespace postern::bridge_cli
