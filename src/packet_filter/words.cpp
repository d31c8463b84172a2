#include "words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "postern/base/text.h"
#include "postern/packet_filter/protocols.h"

namespace postern::packet_filter {

namespace {

constexpr std::array<std::string_view, 16> kGrammar{"and", "or",  "not",  "(",   ")",    "!",         "&&", "||",
                                                    "src", "dst", "host", "net", "port", "portrange", "ip", "ip6"};

constexpr std::string_view kNoLink = "looks at the link's header, and a filter begins at the IP header: ip or ip6 are possible";
constexpr std::string_view kNoOther = "is another protocol than IP, and what is followed is IP: ip or ip6 are possible";
constexpr std::string_view kNoLength = "asks for a length, which a filter cannot: host, net, port and proto are possible";
constexpr std::string_view kNoDirection = "asks for the device or the direction, which a filter cannot: src and dst are possible";
constexpr std::string_view kNoKind = "asks for a kind of address: write the network, as in net 224.0.0.0/4";

/// Words of pcap-filter(7) that we do not have, and why.
struct Absent {
  std::string_view word, why;
};
constexpr std::array kAbsent = std::to_array<Absent>({
    {"ether", kNoLink},
    {"link", kNoLink},
    {"wlan", kNoLink},
    {"vlan", kNoLink},
    {"mpls", kNoLink},
    {"pppoed", kNoLink},
    {"pppoes", kNoLink},
    {"geneve", kNoLink},
    {"arp", kNoOther},
    {"rarp", kNoOther},
    {"stp", kNoOther},
    {"len", kNoLength},
    {"less", kNoLength},
    {"greater", kNoLength},
    {"inbound", kNoDirection},
    {"outbound", kNoDirection},
    {"ifname", kNoDirection},
    {"on", kNoDirection},
    {"broadcast", kNoKind},
    {"multicast", kNoKind},
    {"gateway", "needs a host's name looked up, which a filter does not: write host and the address"},
    {"protochain", "is not possible: proto tests the last of IPv6's headers that was found"},
    {"mask", "is not possible: write the network's length, as in net 192.0.2.0/24"},
});

/// How many letters have to be put in, left out, replaced, or exchanged with the next one.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> table(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) table[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) table[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      table[i][j] = std::min({replaced, table[i - 1][j] + 1, table[i][j - 1] + 1});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
    }
  }
  return table.back().back();
}

/// Empty: none is near. Of words that are as near, the first.
std::string_view nearest(std::string_view word) {
  constexpr size_t kLongest = 16;  // of any word of ours, generously
  if (word.size() > kLongest) return {};
  std::string_view best;
  size_t least = 3;
  const auto consider = [&](std::string_view known) {
    const size_t far = distance(word, known);
    if (far < least && far < known.size() && far < word.size() + 1) {
      least = far;
      best = known;
    }
  };
  for (const std::string_view known : kGrammar) consider(known);
  consider("proto");
  for (const NamedProtocol& known : kProtocols) consider(known.name);
  return best;
}

bool is_blank(char each) { return kBlank.find(each) != kBlank.npos; }

/// The length of the symbol that `text` begins with; 0: it begins with none.
size_t symbol_bytes(std::string_view text) {
  if (text.starts_with("&&") || text.starts_with("||")) return 2;
  return text.starts_with('(') || text.starts_with(')') || text.starts_with('!') ? 1 : 0;
}

}  // namespace

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  size_t at = 0;
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    size_t end = at + symbol_bytes(text.substr(at));
    if (end == at) {
      while (end < text.size() && !is_blank(text[end]) && symbol_bytes(text.substr(end)) == 0) ++end;
    }
    words.push_back({text.substr(at, end - at), at});
    at = end;
  }
  return words;
}

std::optional<uint8_t> protocol_named(std::string_view name) {
  const auto found = std::find_if(kProtocols.begin(), kProtocols.end(), [&](const auto& each) { return each.name == name; });
  return found == kProtocols.end() ? std::nullopt : std::optional(found->number);
}

bool is_known(std::string_view word) {
  return word == "proto" || protocol_named(word) || std::find(kGrammar.begin(), kGrammar.end(), word) != kGrammar.end();
}

std::string quoted(std::string_view text) {
  std::string safe = "\"";
  for (const char each : text) safe += each >= ' ' && each < '\x7f' ? each : '?';
  return safe + "\"";
}

Complaint unknown(const Word& word) {
  const std::string shown = quoted(word.text);
  const auto complain = [&](std::string what) { return Complaint{std::move(what), word.offset, word.text.size()}; };
  if (word.text.find_first_of("[]=<>") != word.text.npos) {
    return complain(fmt::format("{}: bytes of a packet cannot be compared: host, net, port and proto are possible", shown));
  }
  const auto absent = std::find_if(kAbsent.begin(), kAbsent.end(), [&](const Absent& each) { return each.word == word.text; });
  if (absent != kAbsent.end()) return complain(fmt::format("{} {}", shown, absent->why));
  const std::string_view near = nearest(word.text);
  if (!near.empty()) return complain(fmt::format("{} is no word of a filter's (did you mean {}?)", shown, quoted(near)));
  return complain(
      fmt::format("{} is no word of a filter's; names of hosts and services are not looked up: "
                  "write the address or the number",
                  shown));
}

}  // namespace postern::packet_filter
