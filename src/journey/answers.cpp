#include "answers.h"

#include <netinet/in.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "postern/wire/tcp.h"

#include "likeness.h"

namespace postern::journey {

uint64_t began_ns(const Journey& journey) {
  const auto is_exact = [](const Hop& hop) { return hop.event.clock == Event::Clock::exact; };
  const auto exact = std::find_if(journey.hops.begin(), journey.hops.end(), is_exact);
  return (exact == journey.hops.end() ? journey.hops.front() : *exact).event.time_ns;
}

namespace {

/// Of TCP: what `answer` acknowledges has `question` in it. Where sequence numbers went round, the difference is small still.
bool can_answer(const Packet& question, const Packet& answer) {
  namespace tcp_flag = wire::tcp_flag;
  if (answer.protocol != IPPROTO_TCP) return true;
  const bool opens = (question.tcp_flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
  const auto beyond = static_cast<int32_t>(answer.tcp_acknowledgment - question.tcp_sequence);
  if (answer.tcp_flags & tcp_flag::syn) return opens && beyond == 1;
  if (!(answer.tcp_flags & tcp_flag::ack)) return true;  // a reset may acknowledge nothing
  return beyond >= (question.tcp_flags & (tcp_flag::syn | tcp_flag::fin) ? 1 : 0);
}

}  // namespace

class Answers::Memory {
 public:
  std::optional<size_t> question_of(const Journey& journey) const {
    const uint64_t began = began_ns(journey);
    std::optional<size_t> latest;
    for (const Hop& hop : journey.hops) {
      const auto conversation = hop.event.packet ? answered(*hop.event.packet) : std::nullopt;
      const auto found = conversation ? said_.find(*conversation) : said_.end();
      if (found == said_.end()) continue;
      const auto fits = [&](const Said& each) { return each.began_ns <= began && can_answer(each.packet, *hop.event.packet); };
      const auto& list = found->second;
      const auto best = std::find_if(list.rbegin(), list.rend(), fits);
      if (best != list.rend() && (!latest || best->journey > *latest)) latest = best->journey;
    }
    return latest;
  }

  void enter(const Journey& journey, size_t number) {
    for (const Hop& hop : journey.hops) {
      const auto conversation = hop.event.packet ? said(*hop.event.packet) : std::nullopt;
      if (!conversation) continue;
      auto& list = said_[*conversation];
      if (!list.empty() && list.back().journey == number) continue;
      list.push_back({number, began_ns(journey), *hop.event.packet});
      if (list.size() > kMostRemembered) list.pop_front();
    }
  }

  void forget_before(size_t number) {
    std::erase_if(said_, [&](const auto& each) { return each.second.back().journey < number; });
  }

 private:
  static constexpr size_t kMostRemembered = 64;
  struct Said {
    size_t journey;
    uint64_t began_ns;
    Packet packet;
  };

  std::unordered_map<Conversation, std::deque<Said>, ConversationHash> said_;
};

Answers::Answers() : memory_(std::make_unique<Memory>()) {}
Answers::~Answers() = default;
std::optional<size_t> Answers::question_of(const Journey& journey) const { return memory_->question_of(journey); }
void Answers::enter(const Journey& journey, size_t number) { memory_->enter(journey, number); }
void Answers::forget_before(size_t number) { memory_->forget_before(number); }

}  // namespace postern::journey
