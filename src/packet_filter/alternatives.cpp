#include "alternatives.h"

#include <algorithm>

namespace postern::packet_filter {

namespace {

using Alternatives = std::optional<std::vector<Alternative>>;

const std::vector<uint8_t> kWithPorts{IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

/// Nothing: both at once cannot be.
std::optional<Alternative> both(const Alternative& a, const Alternative& b) {
  Alternative joint = a;
  joint.ipv4 = a.ipv4 && b.ipv4;
  joint.ipv6 = a.ipv6 && b.ipv6;
  joint.conditions.insert(joint.conditions.end(), b.conditions.begin(), b.conditions.end());
  joint.other_protocols.insert(joint.other_protocols.end(), b.other_protocols.begin(), b.other_protocols.end());
  std::sort(joint.other_protocols.begin(), joint.other_protocols.end());
  joint.other_protocols.erase(std::unique(joint.other_protocols.begin(), joint.other_protocols.end()),
                              joint.other_protocols.end());
  if (!joint.protocols) joint.protocols = b.protocols;
  if (joint.protocols) {
    std::erase_if(*joint.protocols, [&](uint8_t each) {
      const auto& others = joint.other_protocols;
      const bool in_b = !b.protocols || std::find(b.protocols->begin(), b.protocols->end(), each) != b.protocols->end();
      return !in_b || std::find(others.begin(), others.end(), each) != others.end();
    });
    joint.other_protocols.clear();
  }
  return joint.possible() ? std::optional(std::move(joint)) : std::nullopt;
}

Alternatives all_of(const Alternatives& a, const Alternatives& b) {
  if (!a || !b) return std::nullopt;
  std::vector<Alternative> product;
  for (const Alternative& one : *a) {
    for (const Alternative& other : *b) {
      if (auto joint = both(one, other)) product.push_back(*std::move(joint));
      if (product.size() > kMostAlternatives) return std::nullopt;
    }
  }
  return product;
}

Alternatives any_of(const Alternatives& a, const Alternatives& b) {
  if (!a || !b || a->size() + b->size() > kMostAlternatives) return std::nullopt;
  std::vector<Alternative> sum = *a;
  sum.insert(sum.end(), b->begin(), b->end());
  return sum;
}

/// What a packet must be for the test to have a meaning: of the network's family, of a protocol with ports.
Alternative premise_of(const pf_step& test) {
  Alternative premise;
  if (test.kind == PF_NET) {
    premise.ipv4 = test.value == 4;
    premise.ipv6 = test.value == 6;
  } else {
    premise.protocols = kWithPorts;
  }
  return premise;
}

Alternative opposite_premise_of(const pf_step& test) {
  Alternative opposite;
  if (test.kind == PF_NET) {
    opposite.ipv4 = test.value != 4;
    opposite.ipv6 = test.value != 6;
  } else {
    opposite.other_protocols = kWithPorts;
  }
  return opposite;
}

/// A test of networks or ports, on its side or sides.
std::vector<Alternative> on_sides(const pf_step& test, bool negated) {
  const auto with = [&](std::initializer_list<uint8_t> sides) {
    Alternative alternative = premise_of(test);
    for (const uint8_t side : sides) {
      pf_step one = test;
      one.side = side;
      alternative.conditions.push_back({one, !negated});
    }
    return alternative;
  };
  std::vector<Alternative> result;
  if (negated) result.push_back(opposite_premise_of(test));
  const bool at_once = (test.side == PF_BOTH) != negated;
  if (test.side == PF_SOURCE || test.side == PF_DESTINATION) {
    result.push_back(with({test.side}));
  } else if (at_once) {
    result.push_back(with({PF_SOURCE, PF_DESTINATION}));
  } else {
    result.push_back(with({PF_SOURCE}));
    result.push_back(with({PF_DESTINATION}));
  }
  return result;
}

std::vector<Alternative> of_test(const pf_step& test, bool negated) {
  Alternative one;
  switch (test.kind) {
    case PF_FAMILY:
      one.ipv4 = (test.value == 4) != negated;
      one.ipv6 = (test.value == 6) != negated;
      return {one};
    case PF_PROTOCOL:
      if (negated) {
        one.other_protocols = {test.value};
      } else {
        one.protocols = {{test.value}};
      }
      return {one};
    case PF_NET:
    case PF_PORT: return on_sides(test, negated);
    default: break;
  }
  if (negated) return {};
  return {one};  // PF_TRUE
}

Alternatives alternatives(const Expression& expression, bool negated) {
  if (expression.kind == Expression::Kind::not_of) return alternatives(expression.of.front(), !negated);
  if (expression.kind == Expression::Kind::test) return of_test(expression.test, negated);
  const bool all = (expression.kind == Expression::Kind::all_of) != negated;
  Alternatives result = alternatives(expression.of.front(), negated);
  for (auto part = expression.of.begin() + 1; part != expression.of.end() && result; ++part) {
    const Alternatives next = alternatives(*part, negated);
    result = all ? all_of(result, next) : any_of(result, next);
  }
  return result;
}

}  // namespace

Alternatives alternatives_of(const Expression& expression) { return alternatives(expression, false); }

}  // namespace postern::packet_filter
