// tracing_table.cpp - the table as nft's text.
#include "postern/netfilter/tracing_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace postern::netfilter {
namespace {

constexpr std::string_view kDoing = "mark packets for tracing";
constexpr std::string_view kPrefix = "postern_trace_";
constexpr int kNames = 10;  // tables of processes that have our number in PID namespaces of theirs, and of our own

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
  Status status;
  for (int i = 0; i < kNames; ++i) {
    std::string name = i == 0 ? fmt::format("{}{}", kPrefix, ::getpid()) : fmt::format("{}{}_{}", kPrefix, ::getpid(), i);
    status = nftables.commit(table_text(name, conditions));
    if (status) return TracingTable(std::move(nftables), std::move(name));
    // A name that is taken by a table with an owner is EPERM; that we have the privilege is known by now.
    if (!status.error().is(std::errc::operation_not_permitted) && !status.error().is(std::errc::file_exists)) break;
  }
  if (status.error().is(std::errc::invalid_argument))
    return fail(std::errc::operation_not_supported,
                fmt::format("{}: this kernel has no tables that go with their owner", kDoing));
  return within(kDoing, status.error());
}

}  // namespace postern::netfilter
