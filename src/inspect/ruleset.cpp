// ruleset.cpp - libnftables prints the text, this takes it apart by its lines: a table, its chains, one rule a line.
#include "ruleset.h"

#include <fmt/format.h>

#include <algorithm>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/netfilter/nftables.h"

namespace postern::inspect {

namespace {

constexpr size_t kMostRules = 40, kMostChains = 60;  // what a person reads; nft(8) has the rest

size_t tabs_before(std::string_view line) { return std::min(line.find_first_not_of('\t'), line.size()); }

/// "type filter hook input device "eth0" priority 0; policy accept;"
void parse_hook(std::string_view line, ChainView& chain) {
  while (!line.empty()) {
    const std::string_view word = take_word(line);
    if (word.empty()) return;
    const auto value = [&] {
      std::string_view text = take_word(line);
      return text.substr(0, text.find(';'));
    };
    if (word == "type") chain.type = value();
    if (word == "hook") chain.hook = value();
    if (word == "policy") chain.policy = value();
    if (word == "priority") chain.priority = whole_number<int>(value()).value_or(0);
    if (word == "device") {
      const std::string_view quoted = value();
      chain.device = quoted.size() < 2 ? quoted : quoted.substr(1, quoted.size() - 2);
    }
    if (word == "devices") {  // = { "eth0", "eth1" }
      (void)take_word(line);
      chain.device = take_until(line, '}');
    }
  }
}

/// Takes the lines of a chain off `text`, as far as its end.
ChainView take_chain(std::string_view& text, ChainView chain) {
  constexpr size_t kDepth = 2;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line == "\t}") break;
    const std::string_view inner = trim(line);
    if (inner.empty()) continue;
    if (chain.rules.empty() && chain.hook.empty() && inner.starts_with("type ") && inner.find(" hook ") != inner.npos) {
      parse_hook(inner, chain);
    } else if (tabs_before(line) > kDepth && !chain.rules.empty()) {
      chain.rules.back().append(" ").append(inner);  // a rule of several lines
    } else {
      chain.rules.emplace_back(inner);
    }
  }
  return chain;
}

/// "table inet filter {": the two words.
bool take_table(std::string_view line, ChainView& of_table) {
  if (take_word(line) != "table") return false;
  of_table.family = take_word(line);
  of_table.table = take_word(line);
  return true;
}

/// The chains that a rule's text names behind jump or goto, quoted texts left out.
std::vector<std::string_view> targets_of(std::string_view rule) {
  std::vector<std::string_view> targets;
  bool quoted = false;
  std::string_view before;
  while (!rule.empty()) {
    const std::string_view word = take_word(rule);
    if (word.empty()) break;
    const bool was_quoted = quoted;
    if (std::ranges::count(word, '"') % 2 == 1) quoted = !quoted;
    if (!was_quoted && (before == "jump" || before == "goto")) targets.push_back(word.substr(0, word.find_first_of(",}")));
    before = was_quoted ? std::string_view() : word;
  }
  return targets;
}

bool is_of_table(const ChainView& chain, const ChainView& other) {
  return chain.family == other.family && chain.table == other.table;
}

/// The chains that this one's rules lead to: of its table, by their index.
std::vector<size_t> next_of(const ChainView& chain, const std::vector<ChainView>& chains) {
  std::vector<std::string_view> targets;
  for (const std::string& rule : chain.rules) {
    for (const std::string_view target : targets_of(rule)) targets.push_back(target);
  }
  std::vector<size_t> next;
  for (size_t i = 0; i < chains.size(); ++i) {
    if (is_of_table(chains[i], chain) && std::ranges::find(targets, chains[i].name) != targets.end()) next.push_back(i);
  }
  return next;
}

/// Which of them are at a hook, or reached from there.
std::vector<bool> reached(const std::vector<ChainView>& chains) {
  std::vector<bool> is_reached(chains.size());
  std::vector<size_t> next;
  for (size_t i = 0; i < chains.size(); ++i) {
    if (!chains[i].hook.empty()) next.push_back(i);
  }
  while (!next.empty()) {
    const size_t at = next.back();
    next.pop_back();
    if (is_reached[at]) continue;
    is_reached[at] = true;
    for (const size_t target : next_of(chains[at], chains)) next.push_back(target);
  }
  return is_reached;
}

/// iptables-legacy's rules are not nftables', and only its own program can tell them.
void say_of_legacy_tables(NamespaceView& view) {
  for (const auto& [file, program] :
       {std::pair("ip_tables_names", "iptables-legacy"), {"ip6_tables_names", "ip6tables-legacy"}}) {
    std::string names = read_file(fmt::format("/proc/thread-self/net/{}", file)).value_or("");
    std::ranges::replace(names, '\n', ' ');
    if (const std::string_view tables = trim(names); !tables.empty())
      view.unread.push_back(fmt::format("tables of {} ({}): {}-save prints them", program, tables, program));
  }
}

}  // namespace

std::vector<ChainView> parse_ruleset(std::string_view text) {
  std::vector<ChainView> chains;
  ChainView of_table;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (tabs_before(line) == 0 && take_table(line, of_table)) continue;
    constexpr std::string_view kChain = "\tchain ", kOpen = " {";
    if (!line.starts_with(kChain) || !line.ends_with(kOpen)) continue;
    of_table.name = line.substr(kChain.size(), line.size() - kChain.size() - kOpen.size());
    chains.push_back(take_chain(text, of_table));
  }
  return chains;
}

void add_what_matters(std::vector<ChainView> chains, NamespaceView& view) {
  const std::vector<bool> is_reached = reached(chains);
  for (size_t i = 0; i < chains.size(); ++i) {
    if (!is_reached[i] || view.chains.size() == kMostChains) {
      ++view.chains_left_off;
      continue;
    }
    ChainView& chain = chains[i];
    if (chain.rules.size() > kMostRules) {
      chain.rules_left_off = chain.rules.size() - kMostRules;
      chain.rules.resize(kMostRules);
    }
    view.chains.push_back(std::move(chain));
  }
}

void read_ruleset(NamespaceView& view) {
  say_of_legacy_tables(view);
  auto nftables = netfilter::Nftables::open();
  const auto text = nftables ? nftables->print_ruleset() : Failure(nftables.error());
  if (text) return add_what_matters(parse_ruleset(*text), view);
  const bool forbidden = text.error().is(std::errc::operation_not_permitted);
  view.unread.push_back(forbidden ? "rules of nftables: not permitted (CAP_NET_ADMIN over the namespace is needed)"
                                  : fmt::format("rules of nftables: {}", text.error().message()));
}

}  // namespace postern::inspect
