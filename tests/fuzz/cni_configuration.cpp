// cni_configuration.cpp - what a runtime and an IPAM plugin say to postern-cni: whatever comes, what is read keeps what its types
// promise, what is refused is refused in JSON, and a result says the same after it was written and read again.
#include <nlohmann/json.hpp>

#include "postern/bridge/host_name.h"

#include "answer.h"
#include "configuration.h"
#include "fuzz_input.h"

using namespace postern;

namespace {

void check_answer(const std::string& text) {
  const auto answer = nlohmann::json::parse(text, nullptr, false);
  POSTERN_ASSERT(answer.is_object() && answer["cniVersion"].is_string());
}

void check_refusal(const cni::Refusal& refusal) {
  POSTERN_ASSERT(refusal.code != 0 && !refusal.message.empty());
  const std::string text = cni::answer_refused(refusal, cni::kLatest);
  check_answer(text);
  const auto again = cni::read_refusal(text);
  POSTERN_ASSERT(again && again->code == refusal.code);
}

void check_result(const cni::AddResult& result) {
  for (const cni::Version version : {cni::Version::v0_4_0, cni::Version::v1_0_0}) {
    const std::string text = cni::answer_added(result, version);
    check_answer(text);
    const auto again = cni::read_result(text);
    POSTERN_ASSERT(again && *again == result);
  }
}

void check_subnet(const bridge::Subnet& subnet) {
  POSTERN_ASSERT(subnet.prefix_bits >= 1 && subnet.prefix_bits <= (subnet.is_ipv4() ? 30U : 126U));
}

void check_configuration(const cni::Configuration& configuration) {
  POSTERN_ASSERT(!configuration.name.empty());
  POSTERN_ASSERT(cni::is_bridge_name(configuration.network.bridge));
  for (const bridge::Subnet& subnet : configuration.network.subnets) check_subnet(subnet);
  for (const bridge::PortRange& range : configuration.ports) {
    POSTERN_ASSERT(range.first.number != 0 && range.first <= range.last && range.container_first.number != 0);
    POSTERN_ASSERT(range.container_first.number + range.count() - 1 <= UINT16_MAX);
  }
  for (const std::string& name : configuration.names) POSTERN_ASSERT(bridge::is_host_name(name));
  if (configuration.mac) POSTERN_ASSERT(!configuration.mac->is_multicast());
  if (configuration.ipam) POSTERN_ASSERT(!configuration.ipam->empty() && configuration.ipam->find('/') == std::string::npos);
  if (configuration.previous) check_result(*configuration.previous);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto configuration = cni::read_configuration(text);
  configuration ? check_configuration(*configuration) : check_refusal(configuration.error());
  const auto result = cni::read_result(text);
  result ? check_result(*result) : check_refusal(result.error());
  check_answer(cni::answer_versions(cni::version_of(text)));
  (void)cni::read_refusal(text);
  return 0;
}
