// plugin.cpp - the commands. No lock of the engine is held while an IPAM plugin runs: each call of the engine takes it and gives
// it back.
#include "plugin.h"

#include <algorithm>

#include "postern/netfilter/nftables.h"
#include "postern/netlink/link.h"
#include "postern/netns/namespace.h"

#include "answer.h"
#include "attachment.h"
#include "ipam.h"

namespace postern::cni {

namespace {

tl::unexpected<Refusal> refuse(Code code, std::string message, const Error& error) {
  return cni::refuse(code, std::move(message), error.message());
}

Done check_namespace(const std::string& path) {
  const auto opened = netns::open_namespaces_at(path);
  if (opened) return {};
  const bool gone = opened.error().is(std::errc::no_such_file_or_directory);
  return refuse(gone ? Code::unknown_container : Code::bad_environment, "CNI_NETNS: no network namespace at " + path,
                opened.error());
}

Outcome<AddResult> ask_ipam(const Call& call) {
  if (!call.configuration.ipam) return AddResult();
  const auto answer = call_ipam(call, Command::add);
  if (!answer) return tl::unexpected(answer.error());
  auto chosen = read_result(*answer);
  if (!chosen) {
    (void)call_ipam(call, Command::del);
  } else if (chosen->ips.empty()) {
    return refuse(Code::ipam, "IPAM plugin " + *call.configuration.ipam + " gives no address");
  }
  return chosen;
}

Result<std::optional<bridge::Network>> find_network(bridge::Bridge& engine, const std::string& name) {
  POSTERN_TRY(networks, engine.networks(), "networks");
  const auto found =
      std::find_if(networks.begin(), networks.end(), [&](const bridge::Network& network) { return network.spec.name == name; });
  return found == networks.end() ? std::nullopt : std::optional(*found);
}

/// The network, and who made it.
struct Ensured {
  bridge::Network network;
  enum class By { others, us } made = By::others;
};

/// Two containers may be the first of a network at the same time: one of them makes it, the other finds it.
Result<Ensured> find_or_make(bridge::Bridge& engine, const NetworkWish& wish) {
  POSTERN_TRY(found, find_network(engine, wish.bridge), "find");
  if (found) return Ensured{*found};
  auto made = engine.up(wish.spec(), wish.ip_forward);
  if (made) return Ensured{std::move(*made), Ensured::By::us};
  POSTERN_TRY(meanwhile, find_network(engine, wish.bridge), "find");
  if (meanwhile) return Ensured{*meanwhile};
  return tl::unexpected(std::move(made).error());
}

Outcome<Ensured> ensure_network(bridge::Bridge& engine, const NetworkWish& wish) {
  auto ensured = find_or_make(engine, wish);
  if (!ensured) return refuse(Code::engine, "network " + wish.bridge + " could not be made", ensured.error());
  if (const auto key = wish.contradiction(ensured->network)) {
    return refuse(
        Code::bad_configuration, "network " + wish.bridge + " is there, and is not as configured: " + *key,
        "`postern bridge inspect " + wish.bridge + "` shows it, `postern bridge down " + wish.bridge + "` takes it away");
  }
  return std::move(*ensured);
}

std::optional<Mac> mac_of(const std::string& interface) {
  auto socket = netlink::Socket::open();
  if (!socket) return std::nullopt;
  const auto link = netlink::find_link(*socket, interface);
  return link ? std::optional(link->mac) : std::nullopt;
}

Outcome<AddResult> attach(bridge::Bridge& engine, const Call& call, const AddResult& chosen) {
  const NetworkWish wish = wish_for(call.configuration, chosen);
  auto spec = endpoint_for(call, wish, chosen);
  if (!spec) return tl::unexpected(spec.error());
  auto ensured = ensure_network(engine, wish);
  if (!ensured) return tl::unexpected(ensured.error());
  auto endpoint = engine.attach(std::move(*spec));
  if (!endpoint) {
    // It refuses where somebody is connected.
    if (ensured->made == Ensured::By::us) (void)engine.down(wish.bridge, bridge::Bridge::Connected::refuse);
    return refuse(Code::engine, "the container could not be connected to " + wish.bridge, endpoint.error());
  }
  const auto host_mac = mac_of(endpoint->host_interface);
  return result_of({std::move(ensured->network), std::move(*endpoint), host_mac}, call, chosen);
}

Outcome<std::string> add(bridge::Bridge& engine, const Call& call) {
  if (call.configuration.previous) {
    return refuse(Code::bad_configuration,
                  "prevResult: postern-cni must be the first plugin of its list: it makes the interface");
  }
  if (const Done there = check_namespace(call.arguments.netns); !there) return tl::unexpected(there.error());
  const auto chosen = ask_ipam(call);
  if (!chosen) return tl::unexpected(chosen.error());
  const auto result = attach(engine, call, *chosen);
  if (result) return answer_added(*result, call.configuration.version);
  if (call.configuration.ipam) (void)call_ipam(call, Command::del);
  return tl::unexpected(result.error());
}

bool is_attached(bridge::Bridge& engine, const Call& call) {
  const auto endpoints = engine.endpoints(call.configuration.network.bridge);
  return endpoints && std::any_of(endpoints->begin(), endpoints->end(), [&](const bridge::Endpoint& endpoint) {
           return endpoint.id == call.arguments.container_id && endpoint.interface == call.arguments.interface;
         });
}

/// Of digits alone it could be a PID, which the engine takes too: of somebody else's container.
Status detach(bridge::Bridge& engine, const Call& call) {
  const std::string& id = call.arguments.container_id;
  const bool ambiguous = id.find_first_not_of("0123456789") == id.npos;
  if (ambiguous && !is_attached(engine, call)) return {};
  return engine.detach(call.configuration.network.bridge, id, call.arguments.interface);
}

/// What was never there, or has been taken away, is taken away.
Outcome<std::string> del(bridge::Bridge& engine, const Call& call) {
  const Status detached = detach(engine, call);
  // The address goes back behind the link that had it; and it goes back also where the link does not go.
  const auto released = call.configuration.ipam ? call_ipam(call, Command::del) : Outcome<std::string>();
  if (!detached && !detached.error().is(std::errc::no_such_file_or_directory)) {
    return refuse(Code::engine, "the container could not be disconnected", detached.error());
  }
  if (!released) return tl::unexpected(released.error());
  return "";
}

/// Whether a deviation that the engine found is this endpoint's, or that of all. A link that belongs to nobody harms nobody.
bool concerns(const bridge::Problem& problem, const bridge::Endpoint& endpoint) {
  if (problem.object.starts_with("link ")) return false;
  if (problem.object.starts_with("endpoint ")) return problem.object == "endpoint " + endpoint.id + " of " + endpoint.network;
  if (problem.object.starts_with("network ")) return problem.object == "network " + endpoint.network;
  return true;
}

Done check_endpoint(bridge::Bridge& engine, const bridge::Endpoint& endpoint, const AddResult& previous) {
  if (const auto missing = deviation(endpoint, previous)) return refuse(Code::deviation, *missing);
  const auto problems = engine.check();
  if (!problems) return refuse(Code::engine, "the network could not be examined", problems.error());
  for (const bridge::Problem& problem : *problems) {
    if (concerns(problem, endpoint)) return refuse(Code::deviation, problem.object + ": " + problem.what, problem.remedy);
  }
  return {};
}

Outcome<std::string> check(bridge::Bridge& engine, const Call& call) {
  const Arguments& arguments = call.arguments;
  if (!call.configuration.previous) return refuse(Code::bad_configuration, "CHECK wants a prevResult");
  const auto endpoints = engine.endpoints(call.configuration.network.bridge);
  const bool absent = !endpoints && endpoints.error().is(std::errc::no_such_file_or_directory);
  if (!endpoints && !absent) return refuse(Code::engine, "the network's endpoints could not be read", endpoints.error());
  const auto end = absent ? std::vector<bridge::Endpoint>() : *endpoints;
  const auto found = std::find_if(end.begin(), end.end(), [&](const bridge::Endpoint& endpoint) {
    return endpoint.id == arguments.container_id && endpoint.interface == arguments.interface;
  });
  if (found == end.end()) {
    return refuse(Code::unknown_container, "container " + arguments.container_id + " is not connected to " +
                                               call.configuration.network.bridge + " by " + arguments.interface);
  }
  if (const Done right = check_endpoint(engine, *found, *call.configuration.previous); !right)
    return tl::unexpected(right.error());
  return call.configuration.ipam ? call_ipam(call, Command::check) : "";
}

bool is_valid(const bridge::Endpoint& endpoint, const Call& call) {
  const auto& valid = *call.configuration.valid_attachments;
  return std::find(valid.begin(), valid.end(), Attachment{endpoint.id, endpoint.interface}) != valid.end();
}

/// Takes away what this CNI network has connected and the runtime no longer knows; and all that belongs to nobody.
Outcome<std::string> collect(bridge::Bridge& engine, const Call& call) {
  if (!call.configuration.valid_attachments) return refuse(Code::bad_configuration, "GC wants cni.dev/valid-attachments");
  const auto endpoints = engine.endpoints(call.configuration.network.bridge);
  Done done;
  if (!endpoints && !endpoints.error().is(std::errc::no_such_file_or_directory)) {
    done = refuse(Code::engine, "the network's endpoints could not be read", endpoints.error());
  }
  const std::string ours = owner_of(call.configuration);
  for (const bridge::Endpoint& endpoint : endpoints ? *endpoints : std::vector<bridge::Endpoint>()) {
    if (endpoint.owner != ours || is_valid(endpoint, call)) continue;
    const Status detached = engine.detach(endpoint.network, endpoint.id, endpoint.interface);
    if (!detached) done = refuse(Code::engine, "container " + endpoint.id + " could not be disconnected", detached.error());
  }
  if (const auto collected = engine.gc(); !collected)
    done = refuse(Code::engine, "what belongs to nobody stays", collected.error());
  if (call.configuration.ipam) {
    if (const auto collected = call_ipam(call, Command::gc); !collected) done = tl::unexpected(collected.error());
  }
  if (!done) return tl::unexpected(done.error());
  return "";
}

Outcome<std::string> status(const Call& call) {
  if (const auto filter = netfilter::Nftables::open(); !filter) {
    return refuse(Code::unavailable, "rules cannot be set here", filter.error());
  }
  if (!call.configuration.ipam) return "";
  const auto plugin = find_plugin(call.arguments.path, *call.configuration.ipam);
  if (!plugin) return cni::refuse(Code::unavailable, plugin.error().message, plugin.error().details);
  return call_ipam(call, Command::status);
}

}  // namespace

Outcome<std::string> serve(const Call& call, const bridge::Places& places) {
  const Command command = call.arguments.command;
  auto engine = bridge::Bridge::open(places);
  if (!engine) {
    return refuse(command == Command::status ? Code::unavailable : Code::engine, "bridge networks cannot be served here",
                  engine.error());
  }
  switch (command) {
    case Command::add: return add(*engine, call);
    case Command::del: return del(*engine, call);
    case Command::check: return check(*engine, call);
    case Command::gc: return collect(*engine, call);
    case Command::status: return status(call);
    case Command::version: break;
  }
  return "";
}

}  // namespace postern::cni
