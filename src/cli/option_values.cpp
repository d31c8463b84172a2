#include "option_values.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "postern/base/text.h"

namespace postern::cli {

namespace {

using stack::kGreatestMtu, stack::kLeastMtu, stack::kLeastMtu6;

template <class... Args>
Failure wrong(std::string_view option, std::string_view value, fmt::format_string<Args...> why, Args&&... args) {
  return fail(fmt::format("{} {}: {}", option, value, fmt::format(why, std::forward<Args>(args)...)));
}

struct Range {
  uint64_t least;
  uint64_t greatest;
};

Result<std::optional<uint64_t>> parse_number(std::string_view option, std::string_view text, Range range) {
  if (text.empty()) return std::nullopt;
  const auto value = whole_number<uint64_t>(text);
  if (!value || *value < range.least || *value > range.greatest) {
    return wrong(option, text, "is not a number from {} to {}", range.least, range.greatest);
  }
  return value;
}

Result<std::optional<Cidr4>> parse_cidr(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto cidr = Cidr4::parse(text);
  if (!cidr) return wrong("--cidr", text, "is not an IPv4 network, as 10.0.2.0/24 (the bits after the prefix must be 0)");
  if (cidr->prefix_bits() < 1 || cidr->prefix_bits() > stack::AddressPlan::kLongestPrefix) {
    return wrong("--cidr", text, "the prefix must have 1 to {} bits", stack::AddressPlan::kLongestPrefix);
  }
  return cidr;
}

Result<std::optional<Mac>> parse_mac(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto mac = Mac::parse(text);
  if (!mac) return wrong("--macaddress", text, "is not a MAC address, as 02:00:5e:00:53:01");
  if (mac->is_multicast()) return wrong("--macaddress", text, "is a group address; a device needs an individual one");
  return mac;
}

/// An address of the family, or else the name of an interface.
Status check_outbound(std::string_view option, const std::string& text, int family) {
  const bool is_address = parse_ip(text).has_value();
  const bool of_family = family == AF_INET ? Ipv4::parse(text).has_value() : Ipv6::parse(text).has_value();
  if (is_address && !of_family) return wrong(option, text, "is an address of the other family");
  return {};
}

Result<std::optional<int>> parse_ready_fd(std::string_view text) {
  POSTERN_TRY(number, parse_number("--ready-fd", text, {0, std::numeric_limits<int>::max()}), "option");
  if (!number) return std::nullopt;
  const int fd = static_cast<int>(*number);
  const int mode = ::fcntl(fd, F_GETFL);
  if (mode < 0 || (mode & O_PATH)) return wrong("--ready-fd", text, "is not open");  // O_PATH: process::occupy_closed_streams
  if ((mode & O_ACCMODE) == O_RDONLY) return wrong("--ready-fd", text, "is not open for writing");
  return fd;
}

std::optional<std::string> unless_empty(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

Result<SandboxMode> parse_sandbox(const TypedNetwork& typed) {
  if (typed.no_sandbox) return SandboxMode::off;
  if (typed.sandbox.empty() || typed.sandbox == "required") return SandboxMode::required;
  if (typed.sandbox == "best-effort") return SandboxMode::best_effort;
  return wrong("--sandbox", typed.sandbox, "is neither required nor best-effort");
}

Result<relay::Engine> parse_engine(const std::string& text) {
  if (text == "libslirp") return relay::Engine::libslirp;
  if (text == "fast") return relay::Engine::fast;
  if (text.empty()) return relay::kDefaultEngine;
  return wrong("--engine", text, "is neither fast nor libslirp");
}

Result<std::optional<PublishSource>> parse_publish_source(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (text == "namespace") return PublishSource::namespace_address;
  if (text == "loopback") return PublishSource::loopback;
  if (text == "gateway") return PublishSource::gateway;
  return wrong("--publish-source", text, "is none of namespace, loopback, gateway");
}

Result<stack::Reach> parse_reach(const std::string& text) {
  const size_t colon = text.find(':');
  const auto host = whole_number<uint16_t>(std::string_view(text).substr(0, colon));
  const auto inside = colon == text.npos ? host : whole_number<uint16_t>(std::string_view(text).substr(colon + 1));
  if (!host || !inside || *host == 0 || *inside == 0)
    return wrong("--reach", text, "is not HOST_PORT[:PORT], as 5432 or 5432:15432");
  return stack::Reach{.host_port = {*host}, .guest_port = {*inside}};
}

/// What leads in, and what leads to the host's loopback.
Status read_ports(const TypedNetwork& typed, NetworkOptions& network) {
  for (const std::string& text : typed.publish) {
    const auto spec = forward::parse_port_spec(text);
    if (!spec) return within("--publish", spec.error());
    network.publish.push_back(*spec);
  }
  const auto source = parse_publish_source(typed.publish_source);
  if (!source) return Failure(source.error());
  network.publish_source = *source;
  for (const std::string& text : typed.reach) {
    const auto reach = parse_reach(text);
    if (!reach) return Failure(reach.error());
    const auto same = [&](const stack::Reach& other) { return other.guest_port == reach->guest_port; };
    if (std::any_of(network.reach.begin(), network.reach.end(), same))
      return wrong("--reach", text, "that port is taken already");
    network.reach.push_back(*reach);
  }
  const bool libslirp = network.engine == relay::Engine::libslirp;
  if (libslirp && !network.reach.empty()) return fail("--reach: libslirp opens all of the host's loopback or nothing of it");
  if (libslirp && network.publish_source.value_or(PublishSource::gateway) != PublishSource::gateway) {
    return wrong("--publish-source", typed.publish_source, "libslirp shows these clients as the gateway");
  }
  return {};
}

Result<flow::DatagramPolicy> parse_datagrams(const TypedNetwork& typed, relay::Engine engine) {
  flow::DatagramPolicy policy;
  if (typed.udp_nat == "full-cone") {
    policy.filtering = flow::Filtering::full_cone;
  } else if (!typed.udp_nat.empty() && typed.udp_nat != "address-dependent") {
    return wrong("--udp-nat", typed.udp_nat, "is neither address-dependent nor full-cone");
  }
  if (typed.udp_same_port) policy.host_port = flow::HostPort::same;
  const bool says_anything = !typed.udp_nat.empty() || typed.udp_same_port;
  if (says_anything && engine == relay::Engine::libslirp) {
    return fail("--udp-nat and --udp-same-port are for --engine fast (libslirp's UDP is always a full cone on another port)");
  }
  return policy;
}

Result<NetworkOptions> to_network_options(const TypedNetwork& typed) {
  NetworkOptions network;
  const auto engine = parse_engine(typed.engine);
  if (!engine) return Failure(engine.error());
  network.engine = *engine;
  const auto datagrams = parse_datagrams(typed, network.engine);
  if (!datagrams) return Failure(datagrams.error());
  network.datagrams = *datagrams;
  const auto mtu = parse_number("--mtu", typed.mtu, {kLeastMtu, kGreatestMtu});
  if (!mtu) return Failure(mtu.error());
  if (*mtu) network.mtu_bytes = static_cast<unsigned>(**mtu);
  const auto cidr = parse_cidr(typed.cidr);
  if (!cidr) return Failure(cidr.error());
  network.cidr = *cidr;
  const auto mac = parse_mac(typed.mac);
  if (!mac) return Failure(mac.error());
  network.mac = *mac;
  const auto max_flows = parse_number("--max-flows", typed.max_flows, {1, 1'000'000});
  if (!max_flows) return Failure(max_flows.error());
  if (*max_flows) network.max_flows = static_cast<size_t>(**max_flows);
  const auto ready_fd = parse_ready_fd(typed.ready_fd);
  if (!ready_fd) return Failure(ready_fd.error());
  network.ready_fd = *ready_fd;
  network.api_socket = unless_empty(typed.api_socket);
  network.pcap = unless_empty(typed.pcap);
  if (const auto good = read_ports(typed, network); !good) return Failure(good.error());
  if (const auto good = check_outbound("--outbound-addr", typed.outbound4, AF_INET); !good) return Failure(good.error());
  if (const auto good = check_outbound("--outbound-addr6", typed.outbound6, AF_INET6); !good) return Failure(good.error());
  network.outbound4 = unless_empty(typed.outbound4);
  network.outbound6 = unless_empty(typed.outbound6);
  network.ipv6 = typed.ipv6 ? Choice::on : typed.no_ipv6 ? Choice::off : Choice::automatic;
  if (network.ipv6 == Choice::on && network.mtu_bytes && *network.mtu_bytes < kLeastMtu6) {
    return wrong("--mtu", typed.mtu, "IPv6 needs at least {} (or --no-ipv6)", kLeastMtu6);
  }
  const auto sandbox = parse_sandbox(typed);
  if (!sandbox) return Failure(sandbox.error());
  network.sandbox = *sandbox;
  network.host_loopback = typed.allow_host_loopback ? stack::HostLoopback::gateway : stack::HostLoopback::closed;
  network.host_reach = typed.isolate_host ? HostReach::isolated : HostReach::open;
  return network;
}

Result<NetworkMode> parse_mode(const std::string& text) {
  if (text == "slirp") return NetworkMode::slirp;
  if (text == "none") return NetworkMode::none;
  if (text == "host") return NetworkMode::host;
  if (text == "bridge" || text.starts_with("bridge:")) return NetworkMode::bridge;
  return wrong("--network", text, "is none of slirp, none, host, bridge, bridge:NAME");
}

Result<std::vector<IpAddress>> parse_dns(const std::vector<std::string>& texts) {
  std::vector<IpAddress> servers;
  for (const std::string& text : texts) {
    const auto address = parse_ip(text);
    if (!address) return wrong("--dns", text, "is not an IP address");
    servers.push_back(*address);
  }
  return servers;
}

/// They stand in a file that is read inside.
Status check_dns_inside(const std::vector<IpAddress>& servers) {
  for (const IpAddress& server : servers) {
    const auto* v4 = std::get_if<Ipv4>(&server);
    if ((v4 && v4->bits >> 24 == 127) || server == IpAddress(*Ipv6::parse("::1"))) {
      return wrong("--dns", to_string(server),
                   "is the namespace's own loopback (without --dns, the host's resolver is used, also a local one)");
    }
  }
  return {};
}

Status check_environment(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    if (variable.find('=') == 0 || variable.find('=') == variable.npos) return wrong("--env", variable, "is not NAME=VALUE");
  }
  return {};
}

Result<relay::Target> parse_target(const std::string& text) {
  if (text.empty()) return fail("PID|PATH is empty");
  const bool is_number = text.find_first_not_of("0123456789") == text.npos;
  if (!is_number) return relay::Target(text);
  const auto pid = parse_number("PID", text, {1, std::numeric_limits<pid_t>::max()});
  if (!pid) return Failure(pid.error());
  return relay::Target(static_cast<pid_t>(**pid));
}

/// The first option that acts on the virtual network of slirp, and on nothing else; empty if there is none.
std::string_view option_of_slirp(const TypedNetwork& network) {
  const std::pair<std::string_view, bool> all[] = {
      {"--engine", !network.engine.empty()},
      {"--mtu", !network.mtu.empty()},
      {"--cidr", !network.cidr.empty()},
      {"--outbound-addr", !network.outbound4.empty()},
      {"--outbound-addr6", !network.outbound6.empty()},
      {"--max-flows", !network.max_flows.empty()},
      {"--api-socket", !network.api_socket.empty()},
      {"--pcap", !network.pcap.empty()},
      {"--publish-source", !network.publish_source.empty()},
      {"--udp-nat", !network.udp_nat.empty()},
      {"--udp-same-port", network.udp_same_port},
      {"--reach", !network.reach.empty()},
      {"--ipv6", network.ipv6},
      {"--no-ipv6", network.no_ipv6},
      {"--allow-host-loopback", network.allow_host_loopback},
      {"--isolate-host", network.isolate_host},
  };
  const auto* found = std::find_if(std::begin(all), std::end(all), [](const auto& option) { return option.second; });
  return found == std::end(all) ? std::string_view() : found->first;
}

/// Options that speak of a virtual network, in a mode that has none.
bool names_a_network(const TypedRun& typed) {
  const std::string_view option = option_of_slirp(typed.network);
  const bool any = !option.empty() && option != "--no-ipv6";
  return any || !typed.network.publish.empty() || !typed.dns.empty();
}

/// Whether the options go with the mode.
Status check_mode(NetworkMode mode, const TypedRun& typed) {
  if (mode != NetworkMode::bridge && !(typed.addresses.empty() && typed.host_names.empty())) {
    return fail(fmt::format("{} is for --network bridge", typed.addresses.empty() ? "--hostname" : "--ip"));
  }
  if (mode == NetworkMode::bridge) {
    const std::string_view option = option_of_slirp(typed.network);
    if (option.empty()) return {};
    return fail(fmt::format(
        "--network bridge: {} acts on slirp's network only (how a bridge network is: postern bridge up --help)", option));
  }
  if (mode != NetworkMode::slirp && names_a_network(typed)) {
    return fail(fmt::format("--network {}: there is no virtual network for the other network options to act on", typed.mode));
  }
  return {};
}

/// The values go on to postern-bridge, which checks them too; what is said here is said before anything is made.
Result<BridgeChoice> to_bridge_choice(const TypedRun& typed) {
  BridgeChoice choice;
  if (const size_t colon = typed.mode.find(':'); colon != typed.mode.npos) choice.network = typed.mode.substr(colon + 1);
  constexpr size_t kLongestName = 15;  // a link's
  if (choice.network.empty() || choice.network.size() > kLongestName) {
    return wrong("--network", typed.mode, "the name must have 1 to {} characters, as bridge:blue", kLongestName);
  }
  for (const std::string& text : typed.addresses) {
    if (!parse_ip(text)) return wrong("--ip", text, "is not an IP address");
  }
  choice.publish = typed.network.publish;
  choice.addresses = typed.addresses;
  choice.host_names = typed.host_names;
  return choice;
}

Result<api::InstanceChoice> to_instance(const TypedInstance& typed) {
  const auto pid = parse_number("--pid", typed.pid, {1, std::numeric_limits<pid_t>::max()});
  if (!pid) return Failure(pid.error());
  api::InstanceChoice choice;
  if (*pid) choice.pid = static_cast<pid_t>(**pid);
  choice.path = unless_empty(typed.api_socket);
  return choice;
}

/// "0.2": seconds, and at most three digits of a fraction. Without from_chars(3) of double, whose tables every start would carry.
Result<std::chrono::milliseconds> parse_interval(const std::string& text, std::chrono::milliseconds otherwise) {
  constexpr uint64_t kLeastMs = 50, kMostSeconds = 86'400;
  if (text.empty()) return otherwise;
  std::string_view rest = text;
  const bool has_fraction = rest.find('.') != rest.npos;
  const auto seconds = whole_number<uint64_t>(take_until(rest, '.'));
  const bool is_short = !rest.empty() && rest.size() <= 3;
  const auto fraction = has_fraction && is_short ? whole_number<uint64_t>(std::string(rest).append(3 - rest.size(), '0')) : 0;
  const bool is_number = seconds && fraction && has_fraction == is_short && *seconds <= kMostSeconds;
  const uint64_t milliseconds = is_number ? *seconds * 1000 + *fraction : 0;
  if (milliseconds < kLeastMs || milliseconds > kMostSeconds * 1000) {
    return wrong("--interval", text, "is not a number of seconds from 0.05 to {}", kMostSeconds);
  }
  return std::chrono::milliseconds(milliseconds);
}

Result<TopOptions::Sort> parse_sort(const std::string& text) {
  using Sort = TopOptions::Sort;
  if (text.empty() || text == "rate") return Sort::rate;
  if (text == "bytes") return Sort::bytes;
  if (text == "rtt") return Sort::rtt;
  return wrong("--sort", text, "is none of rate, bytes, rtt");
}

Result<PortsOptions::Action> parse_action(const std::string& text) {
  if (text == "add") return PortsOptions::Action::add;
  if (text == "rm") return PortsOptions::Action::remove;
  if (text == "ls") return PortsOptions::Action::list;
  return fail(fmt::format("\"{}\" is none of add, rm, ls", text));
}

Status add_port(const std::string& text, PortsOptions& options) {
  const bool is_id = options.action == PortsOptions::Action::remove && text.find_first_not_of("0123456789") == text.npos;
  if (is_id) {
    const auto id = parse_number("ID", text, {1, std::numeric_limits<uint32_t>::max()});
    if (!id) return Failure(id.error());
    if (*id) options.ids.push_back(**id);
    return *id ? Status() : fail("a port is missing");
  }
  const auto spec = forward::parse_port_spec(text);
  if (!spec) return Failure(spec.error());
  options.ports.push_back(*spec);
  return {};
}

}  // namespace

Result<RunOptions> to_run_options(const TypedRun& typed) {
  RunOptions run;
  const auto mode = parse_mode(typed.mode);
  if (!mode) return Failure(mode.error());
  run.mode = *mode;
  if (const Status good = check_mode(run.mode, typed); !good) return Failure(good.error());
  if (run.mode == NetworkMode::bridge) {
    const auto choice = to_bridge_choice(typed);
    if (!choice) return Failure(choice.error());
    run.bridge = *choice;
  }
  const auto network = to_network_options(typed.network);
  if (!network) return Failure(network.error());
  run.network = *network;
  const auto dns = parse_dns(typed.dns);
  if (!dns) return Failure(dns.error());
  if (const auto good = check_dns_inside(*dns); !good) return Failure(good.error());
  run.network.name_servers = *dns;
  for (const std::string& text : typed.add_host) {
    const auto entry = workload::parse_host_entry(text);
    if (!entry) return wrong("--add-host", text, "is not NAME:ADDRESS");
    run.add_host.push_back(*entry);
  }
  if (const auto good = check_environment(typed.environment); !good) return Failure(good.error());
  run.environment = typed.environment;
  run.working_directory = unless_empty(typed.working_directory);
  if (typed.keep_id) run.identity = workload::Identity::caller;
  if (typed.map_auto) run.id_ranges = workload::IdRanges::subordinate;
  if (typed.private_folders) run.shared_folders = RunOptions::SharedFolders::hidden;
  if (typed.die_with_parent) run.callers_death = RunOptions::CallersDeath::ends_all;
  run.command = typed.command;
  if (run.command.empty()) return fail("what to run is missing (postern run [options] [--] CMD...)");
  return run;
}

Result<AttachOptions> to_attach_options(const TypedAttach& typed) {
  AttachOptions attach;
  const auto target = parse_target(typed.target);
  if (!target) return Failure(target.error());
  attach.target = *target;
  if (typed.tap.empty()) return fail("TAP is empty");
  attach.tap = typed.tap;
  const auto network = to_network_options(typed.network);
  if (!network) return Failure(network.error());
  attach.network = *network;
  const auto dns = parse_dns(typed.dns);
  if (!dns) return Failure(dns.error());
  attach.network.name_servers = *dns;
  if (!dns->empty() && attach.network.engine != relay::Engine::fast) {
    return fail("--dns: libslirp asks the host's nameservers only (--engine fast)");
  }
  if (typed.configure) attach.configure = AttachOptions::Configure::yes;
  if (attach.network.mac && !typed.configure) return fail("--macaddress needs --configure");
  return attach;
}

Result<PortsOptions> to_ports_options(const TypedPorts& typed) {
  PortsOptions options;
  const auto action = parse_action(typed.action);
  if (!action) return Failure(action.error());
  options.action = *action;
  const auto instance = to_instance(typed.instance);
  if (!instance) return Failure(instance.error());
  options.instance = *instance;
  for (const std::string& text : typed.ports) {
    if (const Status added = add_port(text, options); !added) return Failure(added.error());
  }
  const bool listing = options.action == PortsOptions::Action::list;
  if (listing && !typed.ports.empty()) return fail("ls takes no port");
  if (typed.kill && options.action != PortsOptions::Action::remove) return fail(typed.action + " does not know --kill");
  if (typed.kill) options.open_connections = forward::OpenConnections::reset;
  if (!listing && typed.ports.empty()) return fail(typed.action + ": which port is missing, as 8080:80");
  if (typed.instance.json) options.output = Output::json;
  return options;
}

Result<StatusOptions> to_status_options(const TypedStatus& typed) {
  using Format = StatusOptions::Format;
  const auto instance = to_instance(typed.instance);
  if (!instance) return Failure(instance.error());
  return StatusOptions{*instance, typed.prometheus ? Format::prometheus : typed.instance.json ? Format::json : Format::text};
}

Result<TopOptions> to_top_options(const TypedTop& typed) {
  const auto instance = to_instance(typed.instance);
  if (!instance) return Failure(instance.error());
  TopOptions options;
  options.instance = *instance;
  if (typed.instance.json) options.output = Output::json;
  const auto interval = parse_interval(typed.interval, options.interval);
  if (!interval) return Failure(interval.error());
  options.interval = *interval;
  const auto count = parse_number("--count", typed.count, {1, std::numeric_limits<uint32_t>::max()});
  if (!count) return Failure(count.error());
  options.count = *count;
  const auto sort = parse_sort(typed.sort);
  if (!sort) return Failure(sort.error());
  options.sort = *sort;
  return options;
}

}  // namespace postern::cli
