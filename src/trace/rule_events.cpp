#include "postern/trace/rule_events.h"

#include <fcntl.h>

#include <algorithm>

#include "postern/netns/namespace.h"
#include "postern/netns/visit.h"

#include "nft_conditions.h"
#include "traced_packets.h"

namespace postern::trace {
namespace {

constexpr std::string_view kDoing = "watch the rules of nftables";
constexpr const char* kHere = "/proc/thread-self/ns/net";
constexpr size_t kMessagesATurn = 512;  // then others of the loop have theirs
// Whoever changes rules all the time has us read them a tenth of the time; but what was not read for a while may be read at once.
constexpr int kTextsShare = 10;
constexpr std::chrono::seconds kTextsCredit{1};

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

}  // namespace

/// Everything that belongs to the namespace.
struct RuleEvents::Parts {
  UniqueFd network;
  netfilter::RuleTrace messages;
  netfilter::TracingTable table;
  netfilter::RulesetGeneration generation;
};

RuleEvents::RuleEvents(Parts parts, std::unique_ptr<TracedPackets> packets, journey::EventSink sink)
    : network_(std::move(parts.network)),
      messages_(std::move(parts.messages)),
      table_(std::move(parts.table)),
      generation_(std::move(parts.generation)),
      packets_(std::move(packets)),
      sink_(std::move(sink)) {}

RuleEvents::~RuleEvents() = default;

Result<std::unique_ptr<RuleEvents>> RuleEvents::open(loop::EventLoop& loop, std::shared_ptr<journey::Following> following,
                                                     journey::EventSink sink) {
  UniqueFd network(::open(kHere, O_RDONLY | O_CLOEXEC));
  if (!network) return fail_errno(kDoing);
  POSTERN_TRY(identity, netns::identity_of(network.get()), kDoing);
  POSTERN_TRY(generation, netfilter::RulesetGeneration::open(), kDoing);
  POSTERN_TRY(messages, netfilter::RuleTrace::open(), kDoing);
  const auto conditions = conditions_to_mark(following->filter(), following->extent());
  POSTERN_TRY(table, netfilter::TracingTable::install(conditions), kDoing);
  auto packets = std::make_unique<TracedPackets>(std::move(following), identity.inode);
  std::unique_ptr<RuleEvents> events(new RuleEvents(
      {std::move(network), std::move(messages), std::move(table), std::move(generation)}, std::move(packets), std::move(sink)));
  events->refresh_texts();
  events->watch_ = loop.make_source([self = events.get()](uint32_t, uint32_t) { (void)self->read_some(); });
  POSTERN_CHECK(events->watch_.watch(events->messages_.fd(), EPOLLIN), kDoing);
  return events;
}

size_t RuleEvents::read_some() {
  refresh_texts();
  return messages_.poll(kMessagesATurn, [&](netfilter::TraceMessage&& message) {
    TracedPackets::Told told = packets_->take(message, texts_, now_ns());
    if (told.rule) sink_(*std::move(told.rule));
    if (told.drop) sink_(*std::move(told.drop));
  });
}

/// Where the rules cannot be read, or not yet again, events have no text: better than that of another rule with its handle.
void RuleEvents::refresh_texts() {
  const auto generation = generation_.now();
  if (!generation || texts_of_ == *generation) return;
  texts_ = {};
  const TimePoint began = Clock::now();
  if (texts_paid_ > began + kTextsCredit) return;
  std::optional<netns::Visit> visit;
  const auto here = netns::identity_of(kHere), there = netns::identity_of(network_.get());
  if (!here || !there || *here != *there) {
    auto begun = netns::Visit::begin(network_);
    if (!begun) return;
    visit.emplace(*std::move(begun));
  }
  texts_of_ = *generation;
  if (auto read = netfilter::RuleTexts::read()) texts_ = *std::move(read);
  texts_paid_ = std::max(texts_paid_, began) + (Clock::now() - began) * kTextsShare;
}

void RuleEvents::drain() {
  // What comes while we read has not happened before: it must not keep us here for ever.
  const TimePoint most = Clock::now() + std::chrono::seconds(1);
  while (read_some() > 0 && Clock::now() < most) {
  }
}

}  // namespace postern::trace
