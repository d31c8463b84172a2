#include "top_sample.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace postern::cli {

namespace {

constexpr std::chrono::milliseconds kSlack{100};  // between the moment when an age was told and when the answer was read

/// What stays the same while a flow lives. A UDP socket of the host is one flow, whomever it spoke to last; but clients of a
/// published port share theirs.
std::string identity(const SeenFlow& flow) {
  const auto text = [](const SeenEnd& end) { return end.address + '/' + std::to_string(end.port.value_or(0)); };
  const bool remote_counts = flow.protocol != "udp" || flow.is_inbound;
  return flow.protocol + (flow.is_inbound ? '<' : '>') + text(flow.guest) + '|' + text(flow.host) + '|' +
         (remote_counts ? text(flow.remote) : "");
}

/// Where two have one identity, two pings to one address for instance, those in the same place among them belong together.
using Earlier = std::multimap<std::string, const SeenFlow*>;

const SeenFlow* take(Earlier& earlier, const std::string& identity) {
  const auto found = earlier.lower_bound(identity);
  if (found == earlier.end() || found->first != identity) return nullptr;
  const SeenFlow* const flow = found->second;
  earlier.erase(found);
  return flow;
}

using Count = std::optional<uint64_t>;

/// A counter that has gone down is another one, of which nothing is known.
std::optional<double> rate(const Count& before, const Count& now, double seconds) {
  if (!before || !now || *now < *before || seconds <= 0) return std::nullopt;
  return static_cast<double>(*now - *before) / seconds;
}

Rates rates_of(const SeenFlow* before, const SeenFlow& now, double seconds) {
  const bool has_begun_since = now.age && std::chrono::duration<double>(*now.age - kSlack).count() <= seconds;
  const bool went_on =
      before && before->carried_to_guest <= now.carried_to_guest && before->carried_to_remote <= now.carried_to_remote;
  if (went_on) {
    return {rate(before->carried_to_guest, now.carried_to_guest, seconds),
            rate(before->carried_to_remote, now.carried_to_remote, seconds)};
  }
  if (!has_begun_since) return {};
  return {rate(0, now.carried_to_guest, seconds), rate(0, now.carried_to_remote, seconds)};
}

DropCounts grown(const DropCounts& before, const DropCounts& now) {
  const std::map<std::string, uint64_t> known(before.begin(), before.end());
  DropCounts more;
  for (const auto& [reason, count] : now) {
    const auto old = known.find(reason);
    const uint64_t base = old == known.end() ? 0 : old->second;
    if (count > base) more.emplace_back(reason, count - base);
  }
  return more;
}

uint64_t carried(const SeenFlow& flow) { return flow.carried_to_guest.value_or(0) + flow.carried_to_remote.value_or(0); }

/// libslirp does not count all bytes: then those of the flows that are seen are what is known.
std::optional<double> whole(const std::optional<double>& counted, const std::vector<Rates>& flows,
                            std::optional<double> Rates::*direction) {
  if (counted) return counted;
  double sum = 0;
  for (const Rates& flow : flows) sum += (flow.*direction).value_or(0);
  return sum;
}

}  // namespace

Change compare(const std::optional<Sample>& before, const Sample& now) {
  Change change;
  change.drops = grown(before ? before->drops : DropCounts{}, now.drops);
  change.flows.resize(now.flows.size());
  if (!before) return change;
  const double seconds = std::chrono::duration<double>(now.taken - before->taken).count();
  change.seconds = seconds;
  Earlier earlier;
  for (const SeenFlow& flow : before->flows) earlier.emplace(identity(flow), &flow);
  for (size_t i = 0; i < now.flows.size(); ++i) {
    const SeenFlow& flow = now.flows[i];
    change.flows[i] = rates_of(take(earlier, identity(flow)), flow, seconds);
  }
  change.whole = {whole(rate(before->bytes_to_guest, now.bytes_to_guest, seconds), change.flows, &Rates::to_guest),
                  whole(rate(before->bytes_to_remote, now.bytes_to_remote, seconds), change.flows, &Rates::to_remote)};
  change.frames_from_guest = rate(before->frames_from_guest, now.frames_from_guest, seconds);
  change.frames_to_guest = rate(before->frames_to_guest, now.frames_to_guest, seconds);
  return change;
}

std::vector<size_t> in_order(const Sample& now, const Change& change, TopOptions::Sort by) {
  using Sort = TopOptions::Sort;
  const auto weight = [&](size_t i) {
    const SeenFlow& flow = now.flows[i];
    const auto bytes = static_cast<double>(carried(flow));
    const double rate = i < change.flows.size() ? change.flows[i].sum() : 0;
    const double rtt = flow.rtt_remote ? static_cast<double>(flow.rtt_remote->count()) : -1;
    switch (by) {
      case Sort::rate: return std::tuple(rate, bytes);
      case Sort::bytes: return std::tuple(bytes, rate);
      case Sort::rtt: return std::tuple(rtt, bytes);
    }
    return std::tuple(0.0, 0.0);
  };
  std::vector<size_t> order(now.flows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return weight(a) > weight(b); });
  return order;
}

std::string printable(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

}  // namespace postern::cli
