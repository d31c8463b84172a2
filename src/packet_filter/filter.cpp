#include "postern/packet_filter/filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "postern/base/text.h"

#include "alternatives.h"
#include "expression.h"

namespace postern::packet_filter {

namespace {

/// One rule's worth a line. Where the alternatives are too many: the protocols alone, or every packet.
std::string conditions_of(const std::optional<std::vector<Alternative>>& alternatives, const pf_program& program) {
  if (!alternatives) {
    Alternative weaker;
    if (program.protocols != 0)
      weaker.protocols = {std::begin(program.protocol), std::begin(program.protocol) + program.protocols};
    return nft_condition(weaker);
  }
  std::string lines;
  for (const Alternative& each : *alternatives) {
    const std::string line = nft_condition(each);
    if (line.empty()) return "";  // every packet: the others add nothing
    lines += (lines.empty() ? "" : "\n") + line;
  }
  return lines;
}

}  // namespace

std::string Complaint::drawn(std::string_view text) const {
  std::string drawing = what + "\n";
  // A byte a column, whatever it is: the caret has to stand under the right one.
  for (const char each : text) drawing += each >= ' ' && each < '\x7f' ? each : each == '\t' || each == '\n' ? ' ' : '?';
  return drawing + "\n" + std::string(offset, ' ') + std::string(length, '^');
}

std::variant<Filter, Complaint> Filter::parse(std::string_view text) {
  Filter filter;
  filter.text_ = text;
  if (trim(text).empty()) {
    filter.program_ = compile(Expression::testing(step_of(PF_TRUE)));
    return filter;
  }
  auto parsed = parse_expression(text);
  if (auto* complaint = std::get_if<Complaint>(&parsed)) return std::move(*complaint);
  const auto& expression = std::get<Expression>(parsed);
  const auto alternatives = alternatives_of(expression);
  if (alternatives && alternatives->empty()) {
    return Complaint{"no packet can match: it would have to be of two protocols at once", 0, text.size()};
  }
  filter.program_ = compile(expression);
  filter.nft_conditions_ = conditions_of(alternatives, filter.program_);
  return filter;
}

std::string Filter::as_nft_conditions() const { return nft_conditions_; }

}  // namespace postern::packet_filter
