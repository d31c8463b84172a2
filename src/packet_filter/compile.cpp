// compile.cpp - from a tree to steps. They are written from the last to the first: where a test leads to is known before the test
// is written, and all jumps go forwards.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "postern/base/assert.h"

#include "expression.h"

namespace postern::packet_filter {

namespace {

/// While they are written, a step's number counts from the last one: step 0 is the end of the program.
class Backwards {
 public:
  /// Returns where `expression` begins.
  uint8_t write(const Expression& expression, uint8_t on_true, uint8_t on_false) {
    switch (expression.kind) {
      case Expression::Kind::not_of: return write(expression.of.front(), on_false, on_true);
      case Expression::Kind::all_of: {
        uint8_t next = on_true;
        for (auto part = expression.of.rbegin(); part != expression.of.rend(); ++part) next = write(*part, next, on_false);
        return next;
      }
      case Expression::Kind::any_of: {
        uint8_t next = on_false;
        for (auto part = expression.of.rbegin(); part != expression.of.rend(); ++part) next = write(*part, on_true, next);
        return next;
      }
      case Expression::Kind::test: break;
    }
    pf_step step = expression.test;
    step.on_true = on_true;
    step.on_false = on_false;
    steps_.push_back(step);
    return static_cast<uint8_t>(steps_.size() - 1);
  }

  pf_program program() const {
    POSTERN_ASSERT(!steps_.empty() && steps_.size() <= PF_MAX_STEPS);
    pf_program program{};
    program.steps = static_cast<uint32_t>(steps_.size());
    for (size_t i = 0; i < steps_.size(); ++i) {
      pf_step& step = program.step[i];
      step = steps_[steps_.size() - 1 - i];
      step.on_true = forwards(step.on_true);
      step.on_false = forwards(step.on_false);
    }
    return program;
  }

 private:
  uint8_t forwards(uint8_t target) const {
    return target >= PF_ACCEPT ? target : static_cast<uint8_t>(steps_.size() - 1 - target);
  }

  std::vector<pf_step> steps_;
};

/// Nothing: any protocol. Sorted.
using Protocols = std::optional<std::vector<uint8_t>>;

Protocols protocols_of(const Expression& expression, bool negated);

Protocols both(const Protocols& a, const Protocols& b) {
  if (!a || !b) return a ? a : b;
  std::vector<uint8_t> common;
  std::set_intersection(a->begin(), a->end(), b->begin(), b->end(), std::back_inserter(common));
  return common;
}

Protocols either(const Protocols& a, const Protocols& b) {
  if (!a || !b) return std::nullopt;
  std::vector<uint8_t> all;
  std::set_union(a->begin(), a->end(), b->begin(), b->end(), std::back_inserter(all));
  return all;
}

Protocols protocols_of_test(const pf_step& test) {
  if (test.kind == PF_PROTOCOL) return std::vector{test.value};
  if (test.kind == PF_PORT) return std::vector<uint8_t>{IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
  return std::nullopt;
}

/// Of packets that match, or if `negated` of those that do not. Not a protocol may be any other, which is not said.
Protocols protocols_of(const Expression& expression, bool negated) {
  if (expression.kind == Expression::Kind::not_of) return protocols_of(expression.of.front(), !negated);
  if (expression.kind == Expression::Kind::test) return negated ? std::nullopt : protocols_of_test(expression.test);
  const bool all = (expression.kind == Expression::Kind::all_of) != negated;
  Protocols result = protocols_of(expression.of.front(), negated);
  for (auto part = expression.of.begin() + 1; part != expression.of.end(); ++part) {
    const Protocols next = protocols_of(*part, negated);
    result = all ? both(result, next) : either(result, next);
  }
  return result;
}

}  // namespace

pf_program compile(const Expression& expression) {
  Backwards backwards;
  backwards.write(expression, PF_ACCEPT, PF_REJECT);
  pf_program program = backwards.program();
  const Protocols protocols = protocols_of(expression, false);
  if (protocols && protocols->size() <= PF_MAX_PROTOCOLS) {
    program.protocols = static_cast<uint32_t>(protocols->size());
    std::copy(protocols->begin(), protocols->end(), std::begin(program.protocol));
  }
  return program;
}

}  // namespace postern::packet_filter
