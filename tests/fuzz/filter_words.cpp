// filter_words.cpp - a filter's words: what is refused is refused with a place in the text, and drawn in three lines without a
// control character; what is taken says the same as a program whose jumps go forwards, and is read again as it was.
#include <algorithm>
#include <cstring>
#include <string>

#include "postern/packet_filter/filter.h"

#include "fuzz_input.h"

using namespace postern;
using packet_filter::Complaint;
using packet_filter::Filter;

namespace {

bool is_shown(char each) { return each == '\n' || (each >= ' ' && each <= '~'); }

void check_complaint(const Complaint& complaint, std::string_view text) {
  POSTERN_ASSERT(!complaint.what.empty() && complaint.length >= 1 && complaint.offset <= text.size());
  POSTERN_ASSERT(complaint.offset == text.size() || complaint.offset + complaint.length <= text.size());
  const std::string drawing = complaint.drawn(text);
  POSTERN_ASSERT(std::count(drawing.begin(), drawing.end(), '\n') == 2);
  POSTERN_ASSERT(std::all_of(drawing.begin(), drawing.end(), is_shown));
}

void check_program(const pf_program& program) {
  POSTERN_ASSERT(program.steps >= 1 && program.steps <= PF_MAX_STEPS && program.protocols <= PF_MAX_PROTOCOLS);
  for (uint32_t i = 0; i < program.steps; ++i) {
    for (const uint8_t target : {program.step[i].on_true, program.step[i].on_false}) {
      POSTERN_ASSERT(target >= PF_ACCEPT || (target > i && target < program.steps));
    }
  }
}

void check_protocols(const Filter& filter) {
  if (filter.program().protocols == 0) return;
  const uint8_t* begin = filter.program().protocol;
  for (int protocol = 0; protocol < 256; ++protocol) {
    pf_facts facts{};
    facts.family = 4;
    facts.protocol = static_cast<uint8_t>(protocol);
    const bool listed =
        std::find(begin, begin + filter.program().protocols, facts.protocol) != begin + filter.program().protocols;
    POSTERN_ASSERT(listed || !filter.matches(facts));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = Filter::parse(text);
  if (const auto* complaint = std::get_if<Complaint>(&parsed)) {
    check_complaint(*complaint, text);
    return 0;
  }
  const auto& filter = std::get<Filter>(parsed);
  check_program(filter.program());
  check_protocols(filter);
  const std::string conditions = filter.as_nft_conditions();
  POSTERN_ASSERT(std::all_of(conditions.begin(), conditions.end(), is_shown));
  const auto again = Filter::parse(filter.text());
  POSTERN_ASSERT(std::memcmp(&std::get<Filter>(again).program(), &filter.program(), sizeof(pf_program)) == 0);
  return 0;
}
