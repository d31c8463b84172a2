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

std::optional<std::string> ask(std::string_view request, api::Input input) {
  api::test::FakeInstance instance;
  auto reply = api::answer(request, input, instance);
  for (const forward::Published& one : instance.published) {
    POSTERN_ASSERT(one.forward.host_port.number != 0 && one.forward.guest_port.number != 0);
    POSTERN_ASSERT(one.forward.host_address.index() == one.forward.guest_address.index());
  }
  return reply;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view request(reinterpret_cast<const char*>(data), size);
  const auto ended = ask(request, api::Input::ended);
  POSTERN_ASSERT(ended);
  check_answer(*ended);
  if (const auto open = ask(request, api::Input::open)) POSTERN_ASSERT(*open == *ended);
  if (request.size() > api::kMaxRequestBytes) return 0;
  for (const size_t piece : {size / 2, size - size / 4}) {
    const auto early = ask(request.substr(0, piece), api::Input::open);
    // A number that is the whole request ends where the input does.
    if (early && early->find("json_object() failed") == early->npos) POSTERN_ASSERT(*early == *ended);
  }
  return 0;
}
