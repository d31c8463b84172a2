// event_json.cpp - lines that say they are events: what is read is written again as the same line, is shown without control
// characters, and can be put together, twice over, to journeys that have every event in them once.
#include "postern/journey/event_json.h"

#include <algorithm>

#include "postern/journey/text.h"

#include "fuzz_input.h"

using namespace postern;

namespace {

bool is_shown(char each) { return each == '\n' || (each >= ' ' && each <= '~'); }

void check_text(const std::string& text) { POSTERN_ASSERT(std::all_of(text.begin(), text.end(), is_shown)); }

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  journey::Journeys journeys;
  size_t events = 0;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto event = journey::event_from_json(line);
    if (!event) continue;
    const std::string written = journey::to_json(*event, journey::Captured::kept);
    const auto again = journey::event_from_json(written);
    POSTERN_ASSERT(again && journey::to_json(*again, journey::Captured::kept) == written && again->packet == event->packet);
    const std::string shown = journey::event_line(*event, 0, journey::Colour::none);
    check_text(shown);
    POSTERN_ASSERT(shown.find('\n') == shown.npos);
    journeys.add(*std::move(event));
    ++events;
  }
  const auto all = journeys.take();
  for (size_t i = 0; i < all.size(); ++i) {
    POSTERN_ASSERT(!all[i].hops.empty() && (!all[i].answers || *all[i].answers < i));
    events -= all[i].hops.size();
  }
  POSTERN_ASSERT(events == 0);
  check_text(journey::journeys_text(all, journey::Colour::none));
  return 0;
}
