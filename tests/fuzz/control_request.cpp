// control_request.cpp - requests to the control socket: whatever comes, the answer is JSON, and the same whether the request came
// at once or in pieces.
#include <nlohmann/json.hpp>

#include "postern/api/commands.h"

#include "../unit/api/fake_instance.h"
#include "fuzz_input.h"

using namespace postern;

namespace {

void check_answer(const std::string& text) {
  const auto reply = nlohmann::json::parse(text, nullptr, false);
  POSTERN_ASSERT(reply.is_object() && reply.contains("return") != reply.contains("error"));
  if (reply.contains("error")) POSTERN_ASSERT(reply["error"].is_object() && reply["error"]["desc"].is_string());
}

enum class Mood { willing, refusing };

/// A flow of each kind, and of what may be unknown everything and nothing.
stack::Flows some_flows() {
  using stack::Flow;
  Flow tcp, udp, icmp;
  tcp.state = "ESTABLISHED";
  tcp.guest_address = Ipv4::of(10, 0, 2, 100);
  tcp.guest_port = Port{40'000};
  tcp.remote = {{Ipv4::of(192, 0, 2, 2), Port{80}}};
  tcp.host = {{Ipv4::of(192, 0, 2, 1), Port{50'000}}};
  udp.protocol = Flow::Protocol::udp;
  udp.direction = Flow::Direction::inbound;
  udp.expires = std::chrono::seconds(240);
  icmp.protocol = Flow::Protocol::icmp;
  icmp.remote = {{*Ipv6::parse("2001:db8::2"), Port{0}}};
  return {{tcp, udp, icmp}, 4};
}

/// A server on a link and one that is not; numbers as large as they come.
relay::NameServiceState some_names() {
  const dns::NameServer link_local = {*Ipv6::parse("fe80::1"), UINT32_MAX};
  return {{link_local, {Ipv4::of(192, 0, 2, 53)}}, link_local, 1, {.queries = UINT64_MAX}};
}

std::optional<std::string> ask(std::string_view request, api::Input input, Mood mood) {
  api::test::FakeInstance instance;
  instance.listed = some_flows();
  instance.published = {{7, {stack::Protocol::tcp, Ipv4{}, Port{8080}, Ipv4::of(10, 0, 2, 100), Port{80}}}};
  if (mood == Mood::refusing) {
    instance.refusal = Error{std::make_error_code(std::errc::address_in_use), "by \xff"};
  } else {  // what an instance need not have
    instance.names = some_names();
    instance.spliced = {.opened = 1, .bytes_to_client = UINT64_MAX};
    instance.datagrams = {.lost = 1};
  }
  auto reply = api::answer(request, input, instance);
  for (const forward::Published& one : instance.published) {
    POSTERN_ASSERT(one.forward.host_port.number != 0 && one.forward.guest_port.number != 0);
    POSTERN_ASSERT(one.forward.host_address.index() == one.forward.guest_address.index());
  }
  return reply;
}

void check_request(std::string_view request, Mood mood) {
  const auto ended = ask(request, api::Input::ended, mood);
  POSTERN_ASSERT(ended);
  check_answer(*ended);
  if (const auto open = ask(request, api::Input::open, mood)) POSTERN_ASSERT(*open == *ended);
  if (request.size() > api::kMaxRequestBytes) return;
  for (const size_t piece : {request.size() / 2, request.size() - request.size() / 4}) {
    const auto early = ask(request.substr(0, piece), api::Input::open, mood);
    // A number that is the whole request ends where the input does.
    if (early && early->find("json_object() failed") == early->npos) POSTERN_ASSERT(*early == *ended);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const Mood mood : {Mood::willing, Mood::refusing}) check_request({reinterpret_cast<const char*>(data), size}, mood);
  return 0;
}
