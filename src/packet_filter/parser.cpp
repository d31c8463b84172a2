// parser.cpp - from words to a tree, as pcap-filter(7) reads them: "not" binds closest; "and" and "or" bind alike, from left to
// right; an address or a number without a word before it takes the words of the one before it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "postern/base/text.h"

#include "expression.h"
#include "words.h"

namespace postern::packet_filter {

namespace {

enum class Kind { none, host, net, port, portrange, proto };

/// The words before an address or a number.
struct Qualifiers {
  uint8_t family = 0;               // "ip", "ip6"
  std::optional<uint8_t> protocol;  // "tcp"
  uint8_t side = PF_EITHER;
  Kind kind = Kind::none;
};

constexpr int kDeepest = 32;  // parentheses in parentheses

Kind kind_named(std::string_view word) {
  if (word == "host") return Kind::host;
  if (word == "net") return Kind::net;
  if (word == "port") return Kind::port;
  if (word == "portrange") return Kind::portrange;
  return word == "proto" ? Kind::proto : Kind::none;
}

bool is_and(std::string_view word) { return word == "and" || word == "&&"; }
bool is_or(std::string_view word) { return word == "or" || word == "||"; }
bool is_not(std::string_view word) { return word == "not" || word == "!"; }
bool is_side(std::string_view word) { return word == "src" || word == "dst"; }
bool has_ports(uint8_t protocol) { return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP; }

pf_step family_test(uint8_t family) { return step_of(PF_FAMILY, family); }
pf_step protocol_test(uint8_t protocol) { return step_of(PF_PROTOCOL, protocol); }

struct Network {
  IpAddress address;
  unsigned bits = 0;
};

unsigned width(const IpAddress& address) { return std::holds_alternative<Ipv4>(address) ? 32 : 128; }

/// Octets as on the wire; of IPv4 the first four.
std::array<uint8_t, 16> octets_of(const IpAddress& address) {
  if (const auto* v6 = std::get_if<Ipv6>(&address)) return v6->octets;
  const in_addr wire = std::get<Ipv4>(address).to_wire();
  std::array<uint8_t, 16> octets{};
  std::memcpy(octets.data(), &wire, sizeof wire);
  return octets;
}

std::array<uint8_t, 16> mask_of(unsigned bits) {
  std::array<uint8_t, 16> mask{};
  for (unsigned i = 0; i < bits; ++i) mask[i / 8] = static_cast<uint8_t>(mask[i / 8] | 0x80U >> i % 8);
  return mask;
}

IpAddress first_of(const Network& network) {
  std::array<uint8_t, 16> octets = octets_of(network.address);
  const auto mask = mask_of(network.bits);
  for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(octets[i] & mask[i]);
  if (width(network.address) == 128) return Ipv6{octets};
  return Ipv4::of(octets[0], octets[1], octets[2], octets[3]);
}

pf_step net_test(const Network& network, uint8_t side) {
  const uint8_t family = width(network.address) == 32 ? 4 : 6;
  if (network.bits == 0) return family_test(family);
  pf_step step = step_of(PF_NET, family);
  step.side = side;
  const auto octets = octets_of(network.address), mask = mask_of(network.bits);
  std::memcpy(step.network, octets.data(), octets.size());
  std::memcpy(step.mask, mask.data(), mask.size());
  return step;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), words_(words_of(text)) {}

  std::variant<Expression, Complaint> whole() {
    std::optional<Expression> expression = alternatives();
    if (expression && !at_end()) complain_of_rest();
    if (complaint_) return *std::move(complaint_);
    return *std::move(expression);
  }

 private:
  using Parsed = std::optional<Expression>;  // nothing: there is a complaint

  bool at_end() const { return at_ == words_.size(); }
  std::string_view peek(size_t ahead = 0) const {
    return at_ + ahead < words_.size() ? words_[at_ + ahead].text : std::string_view();
  }
  /// Where the next word is, or would be.
  Word here() const { return at_end() ? Word{{}, text_.size()} : words_[at_]; }

  std::nullopt_t complain(const Word& word, std::string what) {
    complaint_ = Complaint{std::move(what), word.offset, std::max<size_t>(word.text.size(), 1)};
    return std::nullopt;
  }
  std::nullopt_t complain_unknown(const Word& word) {
    complaint_ = unknown(word);
    return std::nullopt;
  }

  /// After a whole condition something stands that joins nothing.
  void complain_of_rest() {
    const Word word = here();
    if (word.text == ")") {
      complain(word, "no \"(\" belongs to this \")\"");
    } else if (is_known(word.text) || looks_like_value(word.text)) {
      complain(word, fmt::format("\"and\" or \"or\" is missing before {}", quoted(word.text)));
    } else {
      complain_unknown(word);
    }
  }

  static bool looks_like_value(std::string_view word) {
    return word.find_first_not_of("0123456789abcdefABCDEF.:/-") == word.npos && word.find_first_of("0123456789:") != word.npos;
  }

  Parsed alternatives() {
    Parsed left = negation();
    while (left && (is_and(peek()) || is_or(peek()))) {
      const auto kind = is_and(peek()) ? Expression::Kind::all_of : Expression::Kind::any_of;
      ++at_;
      Parsed right = negation();
      if (!right) return std::nullopt;
      left = join(kind, *std::move(left), *std::move(right));
    }
    return left;
  }

  static Expression join(Expression::Kind kind, Expression left, Expression right) {
    if (left.kind == kind) {
      left.of.push_back(std::move(right));
      return left;
    }
    Expression both{kind, {}, {}};
    both.of.push_back(std::move(left));
    both.of.push_back(std::move(right));
    return both;
  }

  Parsed negation() {
    bool negated = false;
    for (; is_not(peek()); ++at_) negated = !negated;
    Parsed condition = peek() == "(" ? parenthesis() : primitive();
    if (!condition || !negated) return condition;
    Expression opposite{Expression::Kind::not_of, {}, {}};
    opposite.of.push_back(*std::move(condition));
    return opposite;
  }

  Parsed parenthesis() {
    const Word open = words_[at_++];
    if (++depth_ > kDeepest) return complain(open, "too many parentheses in one another");
    Parsed inside = alternatives();
    --depth_;
    if (!inside) return std::nullopt;
    if (at_end()) return complain(open, "no \")\" belongs to this \"(\"");
    if (peek() != ")") {
      complain_of_rest();
      return std::nullopt;
    }
    ++at_;
    return inside;
  }

  Parsed primitive() {
    const Word first = here();
    if (at_end() || first.text == ")" || is_and(first.text) || is_or(first.text)) {
      return complain(first, at_end() ? "a condition is missing at the end" : "a condition is missing before this");
    }
    if (!is_known(first.text)) return looks_like_value(first.text) ? value_alone() : Parsed(complain_unknown(first));
    Qualifiers qualifiers;
    take_protocol(qualifiers);
    const bool has_side = take_side(qualifiers);
    const Word kind = here();
    qualifiers.kind = kind_named(kind.text);
    if (qualifiers.kind != Kind::none) ++at_;
    if (qualifiers.kind == Kind::none && !has_side) return bare_protocol(qualifiers);
    if (const std::string why = objection(qualifiers, has_side ? 1 : 0); !why.empty()) return complain(kind, why);
    return values(qualifiers);
  }

  void take_protocol(Qualifiers& qualifiers) {
    if (peek() == "ip" || peek() == "ip6") {
      qualifiers.family = peek() == "ip" ? 4 : 6;
    } else {
      qualifiers.protocol = protocol_named(peek());
    }
    if (qualifiers.family != 0 || qualifiers.protocol) ++at_;
  }

  /// "src", "dst", "src or dst", "src and dst", and those the other way round.
  bool take_side(Qualifiers& qualifiers) {
    if (!is_side(peek())) return false;
    const std::string_view one = peek(), joint = peek(1), other = peek(2);
    if (is_side(other) && other != one && (is_and(joint) || is_or(joint))) {
      qualifiers.side = is_and(joint) ? PF_BOTH : PF_EITHER;
      at_ += 3;
    } else {
      qualifiers.side = one == "src" ? PF_SOURCE : PF_DESTINATION;
      ++at_;
    }
    return true;
  }

  /// Why what stands before an address or a number makes no sense; empty: it does.
  static std::string objection(const Qualifiers& qualifiers, int sides) {
    const bool ports = qualifiers.kind == Kind::port || qualifiers.kind == Kind::portrange;
    if (ports && qualifiers.protocol && !has_ports(*qualifiers.protocol)) return "this protocol has no ports";
    if (qualifiers.kind != Kind::proto) return "";
    if (qualifiers.protocol) return "\"proto\" stands alone, or after \"ip\" or \"ip6\"";
    return sides != 0 ? "a protocol has no direction" : "";
  }

  Parsed bare_protocol(const Qualifiers& qualifiers) {
    last_ = {};
    Parsed family, protocol;
    if (qualifiers.family != 0) return tests({family_test(qualifiers.family)});
    if (qualifiers.protocol) return tests({protocol_test(*qualifiers.protocol)});
    return complain(here(), "a condition is missing before this");
  }

  Parsed values(const Qualifiers& qualifiers) {
    last_ = qualifiers;
    if (peek() == "(") return parenthesis();
    const Word word = here();
    if (at_end() || is_only_grammar(word.text)) {
      return complain(word, fmt::format("{} is missing {}", wanted(qualifiers.kind), at_end() ? "at the end" : "before this"));
    }
    return value(qualifiers);
  }

  /// A protocol's name may follow "proto"; elsewhere a word of the grammar is no value.
  bool is_only_grammar(std::string_view word) const {
    return is_known(word) && !(last_->kind == Kind::proto && protocol_named(word));
  }

  static std::string_view wanted(Kind kind) {
    switch (kind) {
      case Kind::net: return "a network, as 192.0.2.0/24,";
      case Kind::port: return "a port's number";
      case Kind::portrange: return "a range of ports, as 8000-8999,";
      case Kind::proto: return "a protocol's number or name";
      case Kind::none:
      case Kind::host: break;
    }
    return "an address";
  }

  /// Without words before it: those of the one before it, else it is a host or a network.
  Parsed value_alone() {
    if (last_) return value(*last_);
    const Word word = here();
    if (!parse_ip(word.text) && word.text.find('/') == word.text.npos) {
      return complain(word, fmt::format("{} of what? (port {}, proto {}, ...)", quoted(word.text), word.text, word.text));
    }
    return value({});
  }

  Parsed value(const Qualifiers& qualifiers) {
    const Word word = words_[at_++];
    switch (qualifiers.kind) {
      case Kind::port: return port(word, qualifiers);
      case Kind::portrange: return port_range(word, qualifiers);
      case Kind::proto: return protocol(word, qualifiers);
      case Kind::net: return network(word, qualifiers);
      case Kind::none:
        if (word.text.find('/') != word.text.npos) return network(word, qualifiers);
        break;
      case Kind::host: break;
    }
    return host(word, qualifiers);
  }

  Parsed host(const Word& word, const Qualifiers& qualifiers) {
    const auto address = parse_ip(word.text);
    if (address) return network_tests(word, {*address, width(*address)}, qualifiers);
    const std::string shown = quoted(word.text);
    if (whole_number<uint32_t>(word.text)) return complain(word, fmt::format("{0} is no address (port {1}?)", shown, word.text));
    if (word.text.find('/') != word.text.npos) return complain(word, fmt::format("{} is a network: write net", shown));
    return complain(word, fmt::format("{} is no address; names of hosts are not looked up", shown));
  }

  Parsed network(const Word& word, const Qualifiers& qualifiers) {
    std::string_view bits_text = word.text;
    const auto address = parse_ip(take_until(bits_text, '/'));
    const bool has_bits = word.text.find('/') != word.text.npos;
    const auto bits = has_bits ? whole_number<unsigned>(bits_text) : std::optional(address ? width(*address) : 0);
    if (!address || !bits || *bits > width(*address)) {
      return complain(word, fmt::format("{} is no network, as 192.0.2.0/24 or 2001:db8::/32", quoted(word.text)));
    }
    const Network network{*address, *bits};
    if (const IpAddress first = first_of(network); first != *address) {
      return complain(word,
                      fmt::format("{} has bits of a host: the network is {}/{}", quoted(word.text), to_string(first), *bits));
    }
    return network_tests(word, network, qualifiers);
  }

  Parsed network_tests(const Word& word, const Network& network, const Qualifiers& qualifiers) {
    const uint8_t family = width(network.address) == 32 ? 4 : 6;
    if (qualifiers.family != 0 && qualifiers.family != family) {
      return complain(
          word, fmt::format("{} is IPv{}, and the word before it means IPv{}", quoted(word.text), family, qualifiers.family));
    }
    std::vector<pf_step> steps;
    if (qualifiers.protocol) steps.push_back(protocol_test(*qualifiers.protocol));
    steps.push_back(net_test(network, qualifiers.side));
    return tests(steps);
  }

  Parsed port(const Word& word, const Qualifiers& qualifiers) {
    if (const auto number = whole_number<uint16_t>(word.text)) return port_tests(*number, *number, qualifiers);
    const std::string shown = quoted(word.text);
    if (parse_ip(word.text)) return complain(word, fmt::format("{} is no port (host {}?)", shown, word.text));
    if (word.text.find('-') != word.text.npos && looks_like_value(word.text)) {
      return complain(word, fmt::format("{} is no port (portrange {}?)", shown, word.text));
    }
    if (looks_like_value(word.text)) return complain(word, fmt::format("{} is no port from 0 to 65535", shown));
    return complain(word, fmt::format("{} is no port; names of services are not looked up: write the number", shown));
  }

  Parsed port_range(const Word& word, const Qualifiers& qualifiers) {
    std::string_view rest = word.text;
    const bool is_range = rest.find('-') != rest.npos;
    const auto low = whole_number<uint16_t>(take_until(rest, '-'));
    const auto high = is_range ? whole_number<uint16_t>(rest) : low;
    if (low && high && *low <= *high) return port_tests(*low, *high, qualifiers);
    return complain(word, fmt::format("{} is no range of ports from 0 to 65535, as 8000-8999", quoted(word.text)));
  }

  Parsed port_tests(uint16_t low, uint16_t high, const Qualifiers& qualifiers) {
    std::vector<pf_step> steps;
    if (qualifiers.family != 0) steps.push_back(family_test(qualifiers.family));
    if (qualifiers.protocol) steps.push_back(protocol_test(*qualifiers.protocol));
    pf_step step = step_of(PF_PORT);
    step.side = qualifiers.side;
    step.low = low;
    step.high = high;
    steps.push_back(step);
    return tests(steps);
  }

  Parsed protocol(const Word& word, const Qualifiers& qualifiers) {
    // pcap wants a backslash before a name that is one of its words: it may be there.
    const std::string_view name = word.text.starts_with('\\') ? word.text.substr(1) : word.text;
    auto number = protocol_named(name);
    if (!number) number = whole_number<uint8_t>(name);
    if (!number)
      return complain(word, fmt::format("{} is no protocol: a number from 0 to 255, or tcp, udp, ...", quoted(word.text)));
    std::vector<pf_step> steps;
    if (qualifiers.family != 0) steps.push_back(family_test(qualifiers.family));
    steps.push_back(protocol_test(*number));
    return tests(steps);
  }

  Parsed tests(const std::vector<pf_step>& steps) {
    tests_ += steps.size();
    if (tests_ > PF_MAX_STEPS) {
      return complain(words_[at_ - 1], fmt::format("the filter is too long: {} tests are what it may have", int{PF_MAX_STEPS}));
    }
    if (steps.size() == 1) return Expression::testing(steps.front());
    Expression all{Expression::Kind::all_of, {}, {}};
    for (const pf_step& step : steps) all.of.push_back(Expression::testing(step));
    return all;
  }

  std::string_view text_;
  std::vector<Word> words_;
  size_t at_ = 0;
  int depth_ = 0;
  size_t tests_ = 0;
  std::optional<Qualifiers> last_;
  std::optional<Complaint> complaint_;
};

}  // namespace

std::variant<Expression, Complaint> parse_expression(std::string_view text) { return Parser(text).whole(); }

}  // namespace postern::packet_filter
