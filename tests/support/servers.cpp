// servers.cpp - how each server is configured; all of it lives in the lab's own folder.
#include "servers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lab_files.h"
#include "topology.h"

namespace postern::lab {

namespace {

struct Recipe {
  std::string_view name;
  std::string_view package;
  std::vector<std::string> argv;
  std::vector<std::string_view> tables;  // of /proc/net in which `port` must stand
  uint16_t port;
};

constexpr std::string_view kNginx =
    R"(user root root; daemon off; master_process off; pid /run/lab/nginx/pid; error_log stderr warn;
worker_rlimit_nofile 65536;
events { worker_connections 16384; multi_accept on; }
http {
  access_log off; default_type application/octet-stream; sendfile on; tcp_nodelay on; reset_timedout_connection on;
  keepalive_requests 1000000000; client_max_body_size 0; client_body_temp_path /run/lab/www/incoming;
  proxy_temp_path /run/lab/nginx; fastcgi_temp_path /run/lab/nginx; uwsgi_temp_path /run/lab/nginx; scgi_temp_path /run/lab/nginx;
  server {
    listen 80 backlog=4096; listen [::]:80 ipv6only=on backlog=4096;
    root /run/lab/www;
    location = /client { return 200 "$remote_addr\n"; }
    location /upload/ { dav_methods PUT DELETE; }
  }
}
)";

std::string dnsmasq_configuration() {
  std::string text =
      "no-resolv\nno-hosts\nno-poll\nno-daemon\npid-file=\nlocal=/#/\n"
      "cache-size=0\n";
  text += fmt::format("host-record={},{},{}\n", kName, kRemote4, kRemote6);
  text += fmt::format("host-record={},{},{}\n", kFarName, kFar4, kFar6);
  text += fmt::format("host-record={},{}\nhost-record={},{}\n", kName4, kRemote4, kName6, kRemote6);
  for (char letter = 'a'; letter < 'a' + 16; ++letter)
    text += fmt::format("txt-record={},{}\n", kLargeName, std::string(250, letter));
  return text;
}

Status prepare(const Machine& machine, Server server) {
  const auto folder = [&machine](std::string_view path) { ::mkdir(machine.path(path).c_str(), 0755); };
  switch (server) {
    case Server::http:
      folder("/run/lab/nginx");
      folder("/run/lab/www/upload");
      POSTERN_CHECK(write_file(machine.path("/run/lab/nginx/nginx.conf"), kNginx), "nginx");
      return write_file(machine.path("/run/lab/www/index.html"), kPageText);
    case Server::dns: return write_file(machine.path("/run/lab/dnsmasq.conf"), dnsmasq_configuration());
    case Server::echo:
    case Server::iperf3: return {};
  }
  return {};
}

std::vector<Recipe> recipes_for(Server server) {
  switch (server) {
    case Server::http:
      return {{"nginx",
               "nginx-light",
               {"nginx", "-p", "/run/lab/nginx", "-c", "nginx.conf", "-e", "stderr"},
               {"tcp", "tcp6"},
               kHttpPort}};
    case Server::dns:
      return {{"dnsmasq",
               "dnsmasq-base",
               {"dnsmasq", "--conf-file=/run/lab/dnsmasq.conf"},
               {"tcp", "tcp6", "udp", "udp6"},
               kDnsPort}};
    case Server::echo: return {{"postern-echo", "", {"postern-echo", std::to_string(kEchoPort)}, {"tcp6", "udp6"}, kEchoPort}};
    case Server::iperf3: break;
  }
  std::vector<Recipe> recipes;
  for (uint16_t port = kIperfPort; port < kIperfPort + kIperfServers; ++port) {
    recipes.push_back({"iperf3", "iperf3", {"iperf3", "--server", "--port", std::to_string(port)}, {"tcp6"}, port});
  }
  return recipes;
}

Result<Process> start_one(const Machine& machine, const Recipe& recipe) {
  auto process = machine.spawn({.argv = recipe.argv});
  if (!process && process.error().is(std::errc::no_such_file_or_directory)) {
    return fail(std::errc::no_such_file_or_directory,
                fmt::format("{} is missing: sh contrib/install-deps.sh, or apt-get install {}", recipe.name, recipe.package));
  }
  if (!process) return within(recipe.name, std::move(process).error());
  const bool ready = wait_until([&] {
    return !process->running() || std::all_of(recipe.tables.begin(), recipe.tables.end(), [&](std::string_view table) {
      return listens(machine, process->pid(), table, recipe.port);
    });
  });
  if (!ready || !process->running())
    return fail(fmt::format("{} does not listen: {}{}", recipe.name, process->out(), process->err()));
  return process;
}

// splitmix64, https://prng.di.unimi.it/splitmix64.c: quick, and no two blocks alike, so that a swapped one changes the checksum.
uint64_t next_random(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

std::optional<Server> parse_server(std::string_view name) {
  using enum Server;
  if (name == "http") return http;
  if (name == "dns") return dns;
  if (name == "echo") return echo;
  if (name == "iperf3") return iperf3;
  return std::nullopt;
}

Result<std::vector<Process>> start(const Machine& machine, Server server) {
  POSTERN_CHECK(prepare(machine, server), "server");
  const std::vector<Recipe> recipes = recipes_for(server);
  std::vector<Process> processes;
  for (const Recipe& recipe : recipes) {
    POSTERN_TRY(process, start_one(machine, recipe), "server");
    processes.push_back(std::move(process));
  }
  return processes;
}

bool listens(const Machine& machine, pid_t pid, std::string_view table, uint16_t port) {
  // proc(5): "sl local_address rem_address st ...", address and port in hexadecimal; 0A is LISTEN, 07 an unconnected UDP socket.
  const std::string_view ready = table.starts_with("tcp") ? "0A" : "07";
  const std::string ending = fmt::format(":{:04X}", port);
  std::ifstream sockets(machine.path(fmt::format("/proc/{}/net/{}", pid, table)));
  std::string slot, local, remote, state;
  for (std::string line; std::getline(sockets, line);) {
    std::istringstream(line) >> slot >> local >> remote >> state;
    if (state == ready && local.ends_with(ending)) return true;
  }
  return false;
}

Status make_web_file(const Machine& machine, std::string_view name, uint64_t bytes) {
  const std::string path = machine.path(fmt::format("{}/{}", kWww, name));
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && static_cast<uint64_t>(status.st_size) == bytes) return {};
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  std::vector<uint64_t> block(size_t{1} << 17);
  uint64_t state = 0;
  for (uint64_t left = bytes; left > 0;) {
    for (uint64_t& word : block) word = next_random(state);
    const uint64_t part = std::min<uint64_t>(left, block.size() * sizeof(uint64_t));
    if (!file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(part)))
      return fail_errno("write", path);
    left -= part;
  }
  return {};
}

}  // namespace postern::lab
