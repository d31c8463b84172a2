#include "postern/dns/host_names.h"

#include <algorithm>

#include "postern/base/text.h"

namespace postern::dns {

namespace {

/// As on the wire; nothing: DNS cannot carry it.
std::vector<uint8_t> to_wire(std::string_view name) {
  constexpr size_t kLongestLabel = 63;
  if (name.ends_with('.')) name.remove_suffix(1);
  std::vector<uint8_t> wire;
  while (!name.empty()) {
    if (name.ends_with('.')) return {};
    const std::string_view label = take_until(name, '.');
    if (label.empty() || label.size() > kLongestLabel) return {};
    wire.push_back(static_cast<uint8_t>(label.size()));
    wire.insert(wire.end(), label.begin(), label.end());
  }
  if (wire.empty()) return {};
  wire.push_back(0);
  if (wire.size() > wire::DnsQuestion::kMaxNameBytes) return {};
  return wire;
}

}  // namespace

HostNames::HostNames(const std::vector<HostName>& names) {
  for (const auto& [name, address] : names) {
    std::vector<uint8_t> wire = to_wire(name);
    if (wire.empty()) continue;
    const Entry* known = find(wire);
    if (!known) known = &entries_.emplace_back(Entry{std::move(wire), {}});
    auto& addresses = entries_[static_cast<size_t>(known - entries_.data())].addresses;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
  }
}

const HostNames::Entry* HostNames::find(wire::Bytes name) const {
  for (const Entry& entry : entries_) {
    if (wire::is_same_name(entry.name, name)) return &entry;
  }
  return nullptr;
}

const std::vector<IpAddress>* HostNames::answer_to(const wire::DnsMessage& query) const {
  const bool is_simple = query.opcode == wire::kDnsQuery && query.questions == 1 && query.question;
  if (entries_.empty() || !is_simple || query.question->record_class != wire::kDnsInternet) return nullptr;
  const Entry* entry = find(query.question->name);
  return entry ? &entry->addresses : nullptr;
}

}  // namespace postern::dns
