// tracing_table.cpp - the table as nft's text.
#include "postern/netfilter/tracing_table.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace postern::netfilter {
namespace {

constexpr std::string_view kDoing = "mark packets for tracing";
constexpr std::string_view kPrefix = "postern_trace_";

/// Before all others, but behind the reassembly that connection tracking asks for (-400), so that there are ports; and behind
/// each place where addresses are translated (dstnat -100, srcnat 100), for what matches only then.
struct Place {
  std::string_view chain, hook;
  int priority;
};
constexpr std::array kPlaces = {Place{"arriving", "prerouting", -350}, Place{"arriving_after_dnat", "prerouting", -95},
                                Place{"own", "output", -350}, Place{"own_after_dnat", "output", -95},
                                Place{"leaving_after_snat", "postrouting", 105}};

/// `accept` ends this chain and no other: it spares the kernel two messages, of the chain's end and of its policy, a packet.
constexpr std::string_view kMark = "meta nftrace set 1 accept";

std::string table_text(const std::string& name, std::span<const std::string> conditions) {
  // "create" fails where "table" would add to what is there.
  std::string text = fmt::format("create table inet {0} {{ flags owner; }}\ntable inet {0} {{\n  flags owner;\n", name);
  for (const Place& place : kPlaces) {
    text += fmt::format("  chain {} {{\n    type filter hook {} priority {}; policy accept;\n", place.chain, place.hook,
                        place.priority);
    if (conditions.empty()) text += fmt::format("    {}\n", kMark);
    for (const std::string& condition : conditions) text += fmt::format("    {} {}\n", condition, kMark);
    text += "  }\n";
  }
  return text + "}\n";
}

}  // namespace

bool is_tracing_table(std::string_view name) { return name.starts_with(kPrefix); }

Result<TracingTable> TracingTable::install(std::span<const std::string> conditions) {
  POSTERN_TRY(nftables, Nftables::open(), kDoing);
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) return fail_errno(kDoing);
  std::string name = fmt::format("{}{}_{:016x}", kPrefix, ::getpid(), number);
  const Status status = nftables.commit(table_text(name, conditions));
  if (status) return TracingTable(std::move(nftables), std::move(name));
  if (status.error().is(std::errc::invalid_argument))
    return fail(std::errc::operation_not_supported,
                fmt::format("{}: this kernel has no tables that go with their owner", kDoing));
  return within(kDoing, status.error());
}

}  // namespace postern::netfilter
