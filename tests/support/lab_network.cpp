// lab_network.cpp - two `ip -batch` runs and a few sysctls: a lab is made in tens of milliseconds.
#include "lab_network.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "lab_files.h"
#include "topology.h"

namespace postern::lab {

namespace {

constexpr std::string_view kCubic =
    "cubic: only the first network namespace may choose it (sysctl net.ipv4.tcp_allowed_congestion_control there lacks it)";

// /proc/sys/net shows the network namespace of whoever opens it.
Status set_sysctls(const Plan& plan) {
  // icmp(7): ping sockets for everybody; the groups must exist in the namespace's user namespace, and an ordinary caller's
  // has only one.
  const std::string_view pingers = plan.privilege == Privilege::root ? "0 2147483647" : "0 0";
  const std::pair<const char*, std::string_view> settings[] = {
      {"ipv6/conf/all/accept_dad", "0"},  // an address is usable at once, RFC 4862 5.4
      {"ipv6/conf/default/accept_dad", "0"},       {"ipv4/ping_group_range", pingers}, {"ipv4/tcp_tw_reuse", "1"},
      {"ipv4/ip_local_port_range", "10000 65535"},  // wide, for connections/s; below it a test's own ports stay free
      {"ipv4/tcp_max_tw_buckets", "2048"},          // or connect(2) comes to search for a free port longer than it takes
      {"ipv4/tcp_no_metrics_save", "1"},            // a connection starts as the first one did, whatever it went through
  };
  for (const auto& [name, value] : settings) {
    POSTERN_CHECK(write_file(fmt::format("/proc/sys/net/{}", name), value), "sysctl");
  }
  return {};
}

// The distributions' default; some kernels come with another, which would bend every figure.
bool choose_cubic() { return write_file("/proc/sys/net/ipv4/tcp_congestion_control", "cubic").has_value(); }

Status run_ip(const std::string& commands) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe");
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) {
    ::dup2(reading.get(), STDIN_FILENO);
    ::execlp("ip", "ip", "-batch", "-", nullptr);
    ::_exit(127);
  }
  const bool written = ::write(writing.get(), commands.data(), commands.size()) == static_cast<ssize_t>(commands.size());
  writing.reset();
  int status = -1;
  if (::waitpid(child, &status, 0) < 0) return fail_errno("waitpid", "ip");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return fail("ip is missing: apt-get install iproute2");
  if (!written || status != 0) return fail(fmt::format("ip -batch failed on:\n{}", commands));
  return {};
}

// Opens the namespace we are in and names it as ip-netns(8) does.
Result<UniqueFd> name_current_netns(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  POSTERN_CHECK(write_file(path, ""), "netns");
  if (::mount("/proc/self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) < 0) return fail_errno("bind", path);
  UniqueFd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return fail_errno("open", path);
  return netns;
}

std::string remote_side(const Plan& plan) {
  std::string batch = fmt::format(
      "link set lo up\n"
      "link add {0} mtu {1} type veth peer name {0} mtu {1} netns host\n"
      "link set {0} up\n"
      "addr add {2}/24 dev {0}\n"
      "addr add {3}/32 dev lo\n"
      "route add blackhole 198.51.100.64/26\n"
      "route add unreachable 198.51.100.128/25\n",
      kInterface, plan.mtu_bytes, kRemote4, kFar4);
  if (plan.families == Families::both) {
    batch += fmt::format(
        "addr add {1}/64 dev {0} nodad\n"
        "addr add {2}/128 dev lo nodad\n"
        "route add blackhole 2001:db8:3::/64\n"
        "route add unreachable 2001:db8:4::/64\n",
        kInterface, kRemote6, kFar6);
  }
  return batch;
}

std::string host_side(const Plan& plan) {
  std::string batch = fmt::format(
      "link set lo up\n"
      "link set {0} up\n"
      "addr add {1}/24 dev {0}\n"
      "route add default via {2}\n",
      kInterface, kHost4, kRemote4);
  if (plan.families == Families::both) {
    batch += fmt::format("addr add {1}/64 dev {0} nodad\nroute add default via {2}\n", kInterface, kHost6, kRemote6);
  }
  return batch;
}

}  // namespace

Result<Network> make_network(const Plan& plan, std::vector<std::string>& missing) {
  Network network;
  POSTERN_TRY(host, name_current_netns("host"), "network");
  POSTERN_CHECK(set_sysctls(plan), "host");
  if (!choose_cubic()) missing.emplace_back(kCubic);
  if (::unshare(CLONE_NEWNET) < 0) return fail_errno("unshare", "the remote's network namespace");
  POSTERN_TRY(remote, name_current_netns("remote"), "network");
  POSTERN_CHECK(set_sysctls(plan), "remote");
  choose_cubic();
  // Forwarding makes the remote answer for addresses it has no way to; without it such packets just vanish.
  POSTERN_CHECK(write_file("/proc/sys/net/ipv4/ip_forward", "1"), "remote");
  POSTERN_CHECK(write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"), "remote");
  POSTERN_CHECK(run_ip(remote_side(plan)), "remote");
  if (::setns(host.get(), CLONE_NEWNET) < 0) return fail_errno("setns", "host");
  POSTERN_CHECK(run_ip(host_side(plan)), "host");
  network.host = std::move(host);
  network.remote = std::move(remote);
  return network;
}

}  // namespace postern::lab
