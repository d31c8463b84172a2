#include "postern/wire/dns.h"
#include "postern/wire/dns_answer.h"

#include "fuzz_input.h"

namespace {

using namespace postern::wire;

void check_answer(const DnsMessage& query) {
  constexpr postern::IpAddress kAddresses[] = {postern::Ipv4::of(192, 0, 2, 7), postern::Ipv6{{0x20, 1, 0xd, 0xb8}}};
  std::array<uint8_t, kMaxDnsAnswer> room;
  const Bytes answer = Bytes(room).first(store_dns_answer(room, query, kAddresses));
  const auto read = DnsMessage::parse(answer);
  POSTERN_ASSERT(read && read->is_response && read->id == query.id && read->code == DnsCode::no_error);
  POSTERN_ASSERT(read->question && is_same_question(*read->question, *query.question));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes input(data, size);
  const auto message = DnsMessage::parse(input);
  if (!message || !message->question) return 0;
  const DnsQuestion& question = *message->question;
  postern::fuzz::check_inside(question.whole, input);
  postern::fuzz::check_inside(question.name, question.whole);
  POSTERN_ASSERT(question.name.size() <= DnsQuestion::kMaxNameBytes && question.name.back() == 0);
  POSTERN_ASSERT(is_same_question(question, question));
  if (message->questions == 1) check_answer(*message);
  return 0;
}
