#include "commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/bridge/host_check.h"

#include "report.h"

namespace postern::bridge_cli {

namespace {

using bridge::Bridge, bridge::Endpoint, bridge::Network;
using command::answer, command::kFailure;

Result<Bridge> open_bridge() {
  const auto ourselves = read_link("/proc/self/exe");
  if (!ourselves) return fail("/proc/self/exe: where this program is cannot be read (is /proc mounted?)");
  return Bridge::open({.proxy_program = *ourselves});
}

int failed(const Error& error) {
  log::error("bridge: {}", error.message());
  return kFailure;
}

int told(const Status& done) { return done ? 0 : failed(done.error()); }

int told(const Result<std::string>& text) { return text ? answer(*text) : failed(text.error()); }

Result<std::optional<Network>> find(Bridge& bridge, const std::string& name) {
  const auto networks = bridge.networks();
  if (!networks) return Failure(networks.error());
  const auto found =
      std::find_if(networks->begin(), networks->end(), [&](const Network& network) { return network.spec.name == name; });
  return found == networks->end() ? std::nullopt : std::optional(*found);
}

/// Errors: ENOENT: there is none of that name.
Result<Members> find_or_fail(Bridge& bridge, const std::string& name) {
  const auto all = bridge.members();
  if (!all) return Failure(all.error());
  const auto found = std::find_if(all->begin(), all->end(), [&](const Members& one) { return one.network.spec.name == name; });
  if (found != all->end()) return *found;
  return fail(std::errc::no_such_file_or_directory, fmt::format("there is no network {} (postern bridge ls)", name));
}

/// Another caller may make it between our look and our call: then it is there, which is what was asked for.
Result<Network> up(Bridge& bridge, const UpOptions& options) {
  const bool takes_existing = options.existing == UpOptions::Existing::is_taken;
  if (takes_existing) {
    const auto found = find(bridge, options.spec.name);
    if (!found) return Failure(found.error());
    if (*found) return **found;
  }
  auto made = bridge.up(options.spec, options.ip_forward);
  if (made || !takes_existing) return made;
  const auto found = find(bridge, options.spec.name);
  return found && *found ? Result<Network>(**found) : made;
}

/// All endpoints, or those of a network, or the ones of an id there.
Result<std::vector<Endpoint>> chosen_endpoints(Bridge& bridge, const PortsOptions& options) {
  std::vector<Endpoint> chosen;
  if (options.network.empty()) {
    const auto all = bridge.members();
    if (!all) return Failure(all.error());
    for (const Members& one : *all) chosen.insert(chosen.end(), one.endpoints.begin(), one.endpoints.end());
    return chosen;
  }
  const auto network = find_or_fail(bridge, options.network);
  if (!network) return Failure(network.error());
  for (const Endpoint& endpoint : network->endpoints) {
    if (options.id.empty() || endpoint.id == options.id) chosen.push_back(endpoint);
  }
  if (chosen.empty() && !options.id.empty()) {
    return fail(std::errc::no_such_file_or_directory,
                fmt::format("endpoint {0} of {1} (postern bridge inspect {1})", options.id, options.network));
  }
  return chosen;
}

Result<std::string> list_ports(Bridge& bridge, const PortsOptions& options) {
  const auto endpoints = chosen_endpoints(bridge, options);
  if (!endpoints) return Failure(endpoints.error());
  return options.output == Output::json ? ports_json(*endpoints) : ports_text(*endpoints);
}

}  // namespace

int run(const UpOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto network = up(*bridge, options);
  if (!network) return failed(network.error());
  return answer(options.output == Output::json ? network_json(*network) : up_text(*network));
}

int run(const DownOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  return told(bridge->down(options.network, options.connected));
}

int run(const ListOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto networks = bridge->members();
  if (!networks) return failed(networks.error());
  return answer(options.output == Output::json ? list_json(*networks) : list_text(*networks));
}

int run(const InspectOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto network = find_or_fail(*bridge, options.network);
  if (!network) return failed(network.error());
  return answer(options.output == Output::json ? inspect_json(*network) : inspect_text(*network));
}

int run(const AttachOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto endpoint = bridge->attach(options.spec);
  if (!endpoint) return failed(endpoint.error());
  return answer(options.output == Output::json ? endpoint_json(*endpoint) : addresses_text(endpoint->addresses) + "\n");
}

int run(const DetachOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  return told(bridge->detach(options.network, options.which, options.interface));
}

int run(const PortsOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  if (options.action == PortsOptions::Action::list) return told(list_ports(*bridge, options));
  const auto changed = options.action == PortsOptions::Action::add
                           ? bridge->publish(options.network, options.id, options.ports)
                           : bridge->unpublish(options.network, options.id, options.ports);
  return changed ? 0 : failed(changed.error());
}

int run(const CheckOptions& options) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto problems = bridge->check();
  if (!problems) return failed(problems.error());
  const int told = answer(options.output == Output::json ? problems_json(*problems) : problems_text(*problems));
  return problems->empty() ? told : kFailure;
}

int run(const GcOptions&) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  const auto gone = bridge->gc();
  if (!gone) return failed(gone.error());
  std::string text;
  for (const std::string& one : *gone) text += one + "\n";
  return answer(text);
}

int run(const ReloadOptions&) {
  auto bridge = open_bridge();
  if (!bridge) return failed(bridge.error());
  return told(bridge->reload());
}

int run(const DoctorOptions& options) {
  const auto findings = bridge::examine_host();
  if (!findings) return failed(findings.error());
  const std::string text =
      options.output == Output::json ? findings_json(*findings) : to_text(*findings) + conclusion("postern bridge", *findings);
  const int told = answer(text);
  return std::none_of(findings->begin(), findings->end(), is_missing) ? told : kFailure;
}

}  // namespace postern::bridge_cli
