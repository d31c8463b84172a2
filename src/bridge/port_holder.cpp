#include "port_holder.h"

#include <dirent.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>

#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::bridge {

namespace {

/// As /proc/net/tcp and its like write an address: words of 32 bits, each as the machine holds it.
std::string in_proc_net(const IpAddress& address) {
  const auto write = [](const auto& wire) {
    std::string text;
    for (size_t at = 0; at < sizeof wire; at += sizeof(uint32_t)) {
      uint32_t word = 0;
      std::memcpy(&word, reinterpret_cast<const char*>(&wire) + at, sizeof word);
      char digits[9];
      std::snprintf(digits, sizeof digits, "%08X", word);
      text += digits;
    }
    return text;
  };
  return std::visit([&](const auto& one) { return write(one.to_wire()); }, address);
}

/// "socket:[INODE]" of those in `table` that are bound to one of `local` and do not speak to one peer alone.
void add_sockets(const std::string& table, const std::set<std::string>& local, std::set<std::string>& sockets) {
  const std::string text = read_file("/proc/self/net/" + table).value_or("");
  std::string_view rest = text;
  take_line(rest);  // the heads of the columns
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    std::string_view fields[10];  // sl local remote state queues timer retransmits uid timeout inode
    for (std::string_view& field : fields) field = take_word(line);
    const bool waits = fields[3] == "0A" || fields[3] == "07";  // LISTEN; an unconnected UDP socket
    if (waits && local.contains(std::string(fields[1]))) sockets.insert("socket:[" + std::string(fields[9]) + "]");
  }
}

template <class Handle>
bool any_entry(const std::string& folder, Handle&& handle) {
  const auto close_directory = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close_directory)> open(::opendir(folder.c_str()), close_directory);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr) {
    if (handle(std::string(entry->d_name))) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> holder_of_port(const std::vector<IpAddress>& addresses, Port port) {
  std::vector<IpAddress> all = addresses;
  all.insert(all.end(), {Ipv4{}, Ipv6{}});
  std::set<std::string> local, sockets;
  char digits[6];
  std::snprintf(digits, sizeof digits, ":%04X", port.number);
  for (const IpAddress& address : all) local.insert(in_proc_net(address) + digits);
  for (const char* table : {"tcp", "tcp6", "udp", "udp6"}) add_sockets(table, local, sockets);
  if (sockets.empty()) return std::nullopt;

  std::optional<std::string> holder;
  any_entry("/proc", [&](const std::string& pid) {
    if (!whole_number<pid_t>(pid)) return false;
    const std::string folder = "/proc/" + pid;
    const bool holds = any_entry(folder + "/fd", [&](const std::string& fd) {
      const auto target = read_link(folder + "/fd/" + fd);
      return target && sockets.contains(*target);
    });
    if (holds) holder = std::string(trim(read_file(folder + "/comm").value_or("a process"))) + " (pid " + pid + ")";
    return holds;
  });
  return holder;
}

}  // namespace postern::bridge
