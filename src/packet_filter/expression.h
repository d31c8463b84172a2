// expression.h - what a filter's words say, as a tree: made by the parser, and turned into steps and into nft's conditions.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "postern/packet_filter/filter.h"

namespace postern::packet_filter {

/// With all that is not named 0: program.h is C and has no initial values.
inline pf_step step_of(pf_test_kind kind, uint8_t value = 0) {
  pf_step step{};
  step.kind = static_cast<uint8_t>(kind);
  step.value = value;
  return step;
}

struct Expression {
  enum class Kind { test, all_of, any_of, not_of } kind = Kind::test;
  pf_step test{};              // of Kind::test; its targets are not set yet
  std::vector<Expression> of;  // not_of: one

  static Expression testing(const pf_step& step) { return {Kind::test, step, {}}; }
};

/// `text` is not blank. There are at most PF_MAX_STEPS tests, and the tree is not deep.
std::variant<Expression, Complaint> parse_expression(std::string_view text);

/// Steps and protocols.
pf_program compile(const Expression& expression);

}  // namespace postern::packet_filter
