#include "postern/wire/dns.h"

namespace postern::wire {

namespace {

constexpr uint16_t kResponse = 0x8000, kRecursionDesired = 0x0100;
constexpr size_t kLongestLabel = 63;  // what is more is a pointer, RFC 1035 4.1.4, which a question has no use for
constexpr size_t kOptBytes = 11;      // RFC 6891 6.1.2, without options

/// The name at the front of `rest`; nothing: it does not end there, or is none.
std::optional<Bytes> name_at_front(Bytes rest) {
  size_t at = 0;
  while (at < rest.size() && at < DnsQuestion::kMaxNameBytes) {
    const size_t label = rest[at];
    if (label == 0) return rest.first(at + 1);
    if (label > kLongestLabel) return std::nullopt;
    at += 1 + label;
  }
  return std::nullopt;
}

std::optional<DnsQuestion> question_at_front(Bytes rest) {
  constexpr size_t kTypeAndClass = 4;
  const auto name = name_at_front(rest);
  if (!name || rest.size() - name->size() < kTypeAndClass) return std::nullopt;
  return DnsQuestion{.name = *name,
                     .type = static_cast<DnsType>(load16(rest, name->size())),
                     .record_class = load16(rest, name->size() + 2),
                     .whole = rest.first(name->size() + kTypeAndClass)};
}

bool is_opt_record(Bytes rest) {
  return rest.size() >= kOptBytes && rest[0] == 0 && static_cast<DnsType>(load16(rest, 1)) == DnsType::opt;
}

constexpr uint8_t lower(uint8_t letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<uint8_t>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::optional<DnsMessage> DnsMessage::parse(Bytes message) {
  if (message.size() < kHeaderBytes) return std::nullopt;
  const uint16_t flags = load16(message, 2), questions = load16(message, 4);
  const uint16_t answers = load16(message, 6), authorities = load16(message, 8), additional = load16(message, 10);
  DnsMessage parsed{.id = load16(message, 0),
                    .is_response = (flags & kResponse) != 0,
                    .recursion_desired = (flags & kRecursionDesired) != 0,
                    .opcode = static_cast<uint8_t>(flags >> 11 & 15),
                    .code = static_cast<DnsCode>(flags & 15),
                    .questions = questions,
                    .question = std::nullopt,
                    .edns = false};
  const Bytes behind_header = message.subspan(kHeaderBytes);
  if (questions != 0) parsed.question = question_at_front(behind_header);
  if (!parsed.question || questions != 1 || answers != 0 || authorities != 0 || additional == 0) return parsed;
  parsed.edns = is_opt_record(behind_header.subspan(parsed.question->whole.size()));
  return parsed;
}

/// The lengths of labels are no letters: they are below 'A'.
bool is_same_name(Bytes a, Bytes b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](uint8_t x, uint8_t y) { return lower(x) == lower(y); });
}

bool is_same_question(const DnsQuestion& a, const DnsQuestion& b) {
  return a.type == b.type && a.record_class == b.record_class && is_same_name(a.name, b.name);
}

}  // namespace postern::wire
