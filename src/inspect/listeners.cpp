#include "listeners.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "postern/base/address.h"
#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::inspect {

namespace {

/// The kernel prints the address, which is in wire order, as numbers of four octets, in the order of the machine.
template <class Wire>
std::optional<Wire> wire_of(std::string_view hex) {
  constexpr size_t kDigits = 8;
  if (hex.size() != 2 * sizeof(Wire)) return std::nullopt;
  Wire wire;
  auto* to = reinterpret_cast<char*>(&wire);
  for (size_t i = 0; i < hex.size(); i += kDigits, to += sizeof(uint32_t)) {
    const auto word = whole_number<uint32_t>(hex.substr(i, kDigits), 16);
    if (!word) return std::nullopt;
    std::memcpy(to, &*word, sizeof *word);
  }
  return wire;
}

std::optional<std::string> address_text(std::string_view hex) {
  if (const auto ipv4 = wire_of<in_addr>(hex)) return Ipv4::from_wire(*ipv4).to_string();
  if (const auto ipv6 = wire_of<in6_addr>(hex)) return Ipv6::from_wire(*ipv6).to_string();
  return std::nullopt;
}

/// " 0: 0100007F:0035 00000000:0000 0A 0:0 0:0 0 UID 0 INODE ..."
std::optional<FoundListener> parse_line(std::string_view line, std::string_view protocol) {
  (void)take_word(line);
  std::string_view local = take_word(line);
  (void)take_word(line);
  const auto state = whole_number<unsigned>(take_word(line), 16);
  constexpr unsigned kListen = 10, kUnconnected = 7;  // TCP_LISTEN, TCP_CLOSE of the kernel's tcp_states.h
  if (state != (protocol == "tcp" ? kListen : kUnconnected)) return std::nullopt;
  const auto address = address_text(take_until(local, ':'));
  const auto port = whole_number<uint16_t>(local, 16);
  for (int queues_timer_retransmits_uid_timeout = 0; queues_timer_retransmits_uid_timeout < 5;
       ++queues_timer_retransmits_uid_timeout)
    (void)take_word(line);
  const auto inode = whole_number<uint64_t>(take_word(line));
  if (!address || !port || !inode) return std::nullopt;
  return FoundListener{{std::string(protocol), *address, *port, {}}, *inode};
}

}  // namespace

std::vector<FoundListener> parse_listeners(std::string_view text, std::string_view protocol) {
  std::vector<FoundListener> found;
  (void)take_line(text);  // the head
  while (!text.empty()) {
    if (auto listener = parse_line(take_line(text), protocol)) found.push_back(std::move(*listener));
  }
  return found;
}

std::vector<FoundListener> read_listeners(std::vector<std::string>& unread) {
  std::vector<FoundListener> all;
  for (const std::string_view protocol : {"tcp", "udp"}) {
    for (const std::string_view family : {"", "6"}) {
      const auto text = read_file(fmt::format("/proc/thread-self/net/{}{}", protocol, family));
      if (!text && family == "6") continue;  // a kernel without IPv6
      if (!text) unread.push_back(fmt::format("listening sockets: {}", text.error().message()));
      for (FoundListener& found : parse_listeners(text.value_or(""), protocol)) all.push_back(std::move(found));
    }
  }
  const auto rank = [](const FoundListener& found) { return std::pair(found.listener.protocol, found.listener.port); };
  std::ranges::stable_sort(all, {}, rank);
  return all;
}

}  // namespace postern::inspect
