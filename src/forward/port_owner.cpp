#include "port_owner.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>

#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::forward {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kTcpListen = 0x0a;  // TCP_LISTEN; bound UDP sockets stand in the table whatever their state

bool holds_socket(const fs::path& process, unsigned long inode) {
  const std::string wanted = fmt::format("socket:[{}]", inode);
  std::error_code unreadable;
  for (const auto& fd : fs::directory_iterator(process / "fd", unreadable)) {
    if (fs::read_symlink(fd, unreadable) == wanted) return true;
  }
  return false;
}

std::optional<std::string> find_process(unsigned long inode) {
  std::error_code unreadable;
  for (const auto& process : fs::directory_iterator("/proc", unreadable)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != pid.npos || !holds_socket(process, inode)) continue;
    const std::string program = read_file(process.path() / "comm").value_or("");
    return fmt::format("{} (PID {})", trim(program), pid);
  }
  return std::nullopt;
}

}  // namespace

std::optional<SocketEntry> find_socket(std::string_view proc_net_text, stack::Protocol protocol, Port port) {
  while (!proc_net_text.empty()) {
    const std::string line(take_line(proc_net_text));
    unsigned local_port = 0, state = 0;
    SocketEntry entry;
    // sl: local:port remote:port state tx:rx timer:when retransmits uid timeout inode
    if (std::sscanf(line.c_str(), " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*d %lu", &local_port,
                    &state, &entry.uid, &entry.inode) != 4) {
      continue;
    }
    if (local_port == port.number && (protocol == stack::Protocol::udp || state == kTcpListen)) return entry;
  }
  return std::nullopt;
}

std::optional<std::string> find_port_owner(stack::Protocol protocol, Port port) {
  const std::string table = protocol == stack::Protocol::tcp ? "tcp" : "udp";
  for (const char* family : {"", "6"}) {
    const auto entry = find_socket(read_file("/proc/net/" + table + family).value_or(""), protocol, port);
    if (!entry) continue;
    const auto process = find_process(entry->inode);
    return process ? process : fmt::format("a program of user {}", entry->uid);
  }
  return std::nullopt;
}

int first_unprivileged_port() {
  const std::string text = read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start").value_or("");
  int port = 1024;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

}  // namespace postern::forward
