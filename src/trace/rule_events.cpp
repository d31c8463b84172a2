#include "postern/trace/rule_events.h"

#include <fcntl.h>

#include <algorithm>

#include "postern/netns/namespace.h"

#include "nft_conditions.h"
#include "rule_listing.h"
#include "traced_packets.h"

namespace postern::trace {
namespace {

constexpr std::string_view kDoing = "watch the rules of nftables";
constexpr const char* kHere = "/proc/thread-self/ns/net";
constexpr size_t kMessagesATurn = 512;  // then others of the loop have theirs
// Whoever changes rules all the time has us read them a tenth of the time; but what was not read for a while may be read at once.
constexpr int kTextsShare = 10;
constexpr std::chrono::seconds kTextsCredit{1};
// So long messages wait for the words of their rules; most rulesets take a few milliseconds.
constexpr std::chrono::milliseconds kTextsAreWaitedFor{200};
constexpr uint32_t kMessages = 0, kListing = 1;  // what is ready

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

RuleEvents::RuleEvents(loop::EventLoop& loop, Parts parts, std::unique_ptr<TracedPackets> packets, journey::EventSink sink)
    : network_(std::move(parts.network)),
      messages_(std::move(parts.messages)),
      table_(std::move(parts.table)),
      generation_(std::move(parts.generation)),
      listing_takes_long_(loop, [this] { end_listing(); }),
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
  std::unique_ptr<RuleEvents> events(
      new RuleEvents(loop, {std::move(network), std::move(messages), std::move(table), std::move(generation)}, std::move(packets),
                     std::move(sink)));
  events->watch_ = loop.make_source([self = events.get()](uint32_t what, uint32_t) {
    if (what == kListing)
      self->take_listing();
    else
      (void)self->read_some();
  });
  POSTERN_CHECK(events->watch_.watch(events->messages_.fd(), EPOLLIN, kMessages), kDoing);
  events->refresh_texts();
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
  texts_of_.reset();
  end_listing();
  const TimePoint began = Clock::now();
  if (texts_paid_ > began + kTextsCredit) return;
  texts_of_ = *generation;
  auto listing = RuleListing::start(network_);
  if (!listing) return;
  listing_ = std::make_unique<RuleListing>(*std::move(listing));
  listing_began_ = began;
  (void)listing_->wait(began + kTextsAreWaitedFor);
  take_listing();
  if (!listing_) return;
  (void)watch_.watch(listing_->fd(), EPOLLIN, kListing);
  listing_takes_long_.set(began + RuleListing::kMostTime);
}

void RuleEvents::take_listing() {
  if (!listing_) return;
  const RuleListing::State state = listing_->read();
  if (state == RuleListing::State::under_way) return;
  if (state == RuleListing::State::done) texts_ = netfilter::RuleTexts::parse(listing_->text());
  end_listing();
}

void RuleEvents::end_listing() {
  if (!listing_) return;
  watch_.unwatch(listing_->fd());
  listing_takes_long_.cancel();
  texts_paid_ = std::max(texts_paid_, listing_began_) + listing_->finish() * kTextsShare;
  listing_.reset();
}

void RuleEvents::drain() {
  // What comes while we read has not happened before: it must not keep us here for ever.
  const TimePoint most = Clock::now() + std::chrono::seconds(1);
  while (read_some() > 0 && Clock::now() < most) {
  }
}

}  // namespace postern::trace
