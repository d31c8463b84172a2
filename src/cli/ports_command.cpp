// ports_command.cpp - the ports of a running postern: each is one request; several are all done, or none.
#include "ports_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "postern/base/log.h"

#include "control_reply.h"

namespace postern::cli {

namespace {

using Ids = std::vector<forward::ForwardId>;
using Ports = std::vector<PublishedPort>;

Result<Ports> list(const api::ControlClient& client) {
  const auto reply = client.ask(kListRequest);
  if (!reply) return Failure(reply.error());
  return read_list(*reply);
}

Status remove(const api::ControlClient& client, forward::ForwardId id, forward::OpenConnections open) {
  const auto reply = client.ask(remove_request(id, open));
  return reply ? check_reply(*reply) : Failure(reply.error());
}

/// Why a port cannot be had is found out here, where /proc can be read; postern itself may be behind its sandbox.
Error explained(const forward::PortRequest& request, Error error) {
  if (error.is(std::errc::address_family_not_supported)) return {{}, "the namespace has no IPv6"};
  return forward::explain({request.protocol, request.host_address, request.host_port, request.host_address, request.guest_port},
                          std::move(error));
}

Result<forward::ForwardId> add_one(const api::ControlClient& client, const forward::PortRequest& request) {
  const auto reply = client.ask(add_request(request));
  if (!reply) return Failure(reply.error());
  const auto id = read_added(*reply);
  if (!id) return Failure(explained(request, id.error()));
  return *id;
}

Status add_all(const api::ControlClient& client, const forward::PortSpec& spec, Ports& added) {
  for (size_t offset = 0; offset < spec.count(); ++offset) {
    const forward::PortRequest request = {spec.protocol, spec.host_address, forward::shifted(spec.first, offset), std::nullopt,
                                          forward::shifted(spec.guest_first, offset)};
    const auto id = add_one(client, request);
    if (!id) return Failure(id.error());
    added.push_back({*id, request});
  }
  return {};
}

Result<Ports> add(const api::ControlClient& client, const std::vector<forward::PortSpec>& specs) {
  Ports added;
  for (const forward::PortSpec& spec : specs) {
    const Status all = add_all(client, spec, added);
    if (all) continue;
    for (const PublishedPort& one : added) (void)remove(client, one.id, forward::OpenConnections::go_on);
    return Failure(all.error());
  }
  return added;
}

/// Where they lead to, the other side's list says. They are published, whether it can be had or not.
void look_up(const api::ControlClient& client, Ports& added) {
  const auto published = list(client);
  if (!published) return log::warning("published; where to is not known: {}", published.error().message());
  for (PublishedPort& one : added) {
    const auto found = std::find_if(published->begin(), published->end(), [&](const auto& other) { return other.id == one.id; });
    if (found != published->end()) one = *found;
  }
}

/// Whether `spec`, in full, is what published this port.
bool covers(const forward::PortSpec& spec, const forward::PortRequest& port) {
  return port.protocol == spec.protocol && port.host_address == spec.host_address && spec.first <= port.host_port &&
         port.host_port <= spec.last &&
         port.guest_port.number - spec.guest_first.number == port.host_port.number - spec.first.number;
}

/// All that is to go is found before anything goes; a port that is named twice, by its number and as it was added, goes once.
Result<Ids> find_removed(const api::ControlClient& client, const PortsOptions& options) {
  const auto published = list(client);
  if (!published) return Failure(published.error());
  Ids found;
  for (const forward::ForwardId id : options.ids) {
    if (std::none_of(published->begin(), published->end(), [id](const auto& one) { return one.id == id; })) {
      return fail(fmt::format("no published port has the number {} (postern ports ls)", id));
    }
    found.push_back(id);
  }
  for (const forward::PortSpec& spec : options.ports) {
    const size_t before = found.size();
    for (const auto& [id, port] : *published) {
      if (covers(spec, port)) found.push_back(id);
    }
    if (found.size() - before != spec.count()) {
      return fail(fmt::format("{} is not published (postern ports ls)", spec.to_string()));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string end(const std::optional<IpAddress>& address, Port port) {
  if (!address) return fmt::format(":{}", port.number);
  const bool ipv6 = std::holds_alternative<Ipv6>(*address);
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), to_string(*address), port.number);
}

std::string shown(const Ports& ports, Output output) {
  if (output == Output::json) return list_json(ports);
  std::string text = fmt::format("{:<5} {:<5} {:<28} {}\n", "ID", "PROTO", "HOST", "NAMESPACE");
  for (const auto& [id, port] : ports) {
    text += fmt::format("{:<5} {:<5} {:<28} {}\n", id, forward::name(port.protocol), end(port.host_address, port.host_port),
                        end(port.guest_address, port.guest_port));
  }
  return text;
}

/// Does it, and returns what there is to print.
Result<std::string> act(const api::ControlClient& client, const PortsOptions& options) {
  switch (options.action) {
    case PortsOptions::Action::list: {
      const auto ports = list(client);
      if (!ports) return Failure(ports.error());
      return shown(*ports, options.output);
    }
    case PortsOptions::Action::add: {
      auto added = add(client, options.ports);
      if (!added) return Failure(added.error());
      look_up(client, *added);
      return shown(*added, options.output);
    }
    case PortsOptions::Action::remove: {
      const auto found = find_removed(client, options);
      if (!found) return Failure(found.error());
      for (const forward::ForwardId id : *found) {
        if (const Status removed = remove(client, id, options.open_connections); !removed) return Failure(removed.error());
      }
      return "";
    }
  }
  return "";
}

}  // namespace

int ports_command(const PortsOptions& options) {
  const auto client = api::ControlClient::find(options.instance);
  const Result<std::string> done = client ? act(*client, options) : Failure(client.error());
  if (done) return answer(*done);
  log::error("{}", done.error().message());
  return kFailure;
}

}  // namespace postern::cli
