#include "postern/wire/dns_answer.h"

#include "postern/base/assert.h"

#include "byte_writer.h"

namespace postern::wire {

namespace {

constexpr uint16_t kAnswerFlags = 0x8480;  // a response, authoritative, recursion available
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr uint16_t kQuestionsName = 0xc000 | DnsMessage::kHeaderBytes;  // a pointer to it, RFC 1035 4.1.4
constexpr uint32_t kSecondsToLive = 60;
constexpr uint16_t kOwnPayloadBytes = 1232;  // what a query of ours could have been; says little

DnsType type_of(const IpAddress& address) { return std::holds_alternative<Ipv4>(address) ? DnsType::a : DnsType::aaaa; }

constexpr size_t record_bytes(DnsType type) { return 12 + size_t{type == DnsType::a ? 4u : 16u}; }

void put_record(ByteWriter& out, const IpAddress& address) {
  out.put16(kQuestionsName);
  out.put16(static_cast<uint16_t>(type_of(address)));
  out.put16(kDnsInternet);
  out.put32(kSecondsToLive);
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    out.put16(4);
    out.put32(v4->bits);
  } else {
    out.put16(16);
    out.put(std::get<Ipv6>(address).octets);
  }
}

/// RFC 6891 6.1.1: who is asked with one answers with one.
void put_opt_record(ByteWriter& out) {
  out.put8(0);
  out.put16(static_cast<uint16_t>(DnsType::opt));
  out.put16(kOwnPayloadBytes);
  out.put32(0);
  out.put16(0);
}
constexpr size_t kOptBytes = 11;

}  // namespace

size_t store_dns_answer(MutableBytes room, const DnsMessage& query, std::span<const IpAddress> addresses) {
  POSTERN_ASSERT(room.size() >= kMaxDnsAnswer && query.question && query.questions == 1);
  const DnsQuestion& question = *query.question;
  ByteWriter out(room);
  out.put16(query.id);
  out.put16(static_cast<uint16_t>(kAnswerFlags | (query.recursion_desired ? kRecursionDesired : 0)));
  out.put16(1);
  out.put16(0);  // answers: counted below
  out.put16(0);
  out.put16(query.edns ? 1 : 0);
  out.put(question.whole);
  uint16_t answers = 0;
  const size_t end = kMaxDnsAnswer - (query.edns ? kOptBytes : 0);
  for (const IpAddress& address : addresses) {
    const bool is_asked_for = question.type == DnsType::any || question.type == type_of(address);
    if (!is_asked_for || out.written() + record_bytes(type_of(address)) > end) continue;
    put_record(out, address);
    ++answers;
  }
  store16(room, 6, answers);
  if (query.edns) put_opt_record(out);
  return out.written();
}

}  // namespace postern::wire
