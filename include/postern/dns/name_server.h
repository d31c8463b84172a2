// name_server.h - who can be asked, and in which order: those of the host's resolv.conf(5), or chosen ones.
//
// The one that answered last is asked first, for a minute: then the file's order counts again. A C library begins anew with the
// first each time, and so waits for a dead one again and again; we live longer than a program.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/clock.h"

namespace postern::dns {

inline constexpr Port kPort{53};
inline constexpr size_t kMostServers = 8;  // a C library asks 3; who runs the host's network writes the file

struct NameServer {
  IpAddress address;
  uint32_t scope = 0;  // the link of fe80::1%eth0

  bool operator==(const NameServer&) const = default;
};

/// Those of the nameserver lines, in order. `link_index` finds a link by its name, or 0.
std::vector<NameServer> read_servers(std::string_view resolv_conf_text,
                                     const std::function<uint32_t(const std::string&)>& link_index);

/// Who answers by UDP need not let anybody connect by TCP, and the other way round: each is remembered apart.
enum class Transport { udp, tcp };

class ServerChoice {
 public:
  static constexpr std::chrono::seconds kMemory{60};

  ServerChoice() { replace({}); }

  /// Keeps each once, kMostServers at most. Of none: the host itself, 127.0.0.1 and ::1, resolv.conf(5). Who answered last is
  /// forgotten where anything has changed.
  void replace(const std::vector<NameServer>& servers);
  /// Those before it were of no use. That is remembered for kMemory from the first time on, however often it answers.
  void answered(const NameServer& server, TimePoint now, Transport by = Transport::udp);

  const std::vector<NameServer>& servers() const { return servers_; }
  /// The one that answered last first, then the others in their order.
  std::vector<NameServer> in_order(TimePoint now, Transport by = Transport::udp) const;
  /// It, by UDP, be it long ago; nothing: none has yet.
  std::optional<NameServer> answering() const { return last_[0].server; }

 private:
  std::vector<NameServer> servers_;
  struct Last {
    std::optional<NameServer> server;
    TimePoint since;
  };
  std::array<Last, 2> last_;  // of each transport
};

}  // namespace postern::dns
