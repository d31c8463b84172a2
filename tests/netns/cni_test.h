// cni_test.h - the fixture of tests of postern-cni: called as a runtime calls it, for containers that are network namespaces with
// names on a lab's host.
#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "postern_test.h"

namespace postern::lab {

inline constexpr std::string_view kReferencePlugins = "/usr/lib/cni";  // Debian's

class CniTest : public LabTest {
 protected:
  using Json = nlohmann::json;

  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // The engine needs capabilities of the machine's own root: conntrack's and the sysctls' are not for a nested one.
    LAB_SKIP_UNLESS(!lab().missing("subuid"), "subuid", *lab().missing("subuid"));
  }

  void make_container(std::string_view name) const { ASSERT_THAT(host().sh(fmt::format("ip netns add {}", name)), Succeeds()); }
  Outcome in(std::string_view container, std::string_view script) const {
    return host().sh(fmt::format("ip netns exec {} sh -c '{}'", container, script));
  }

  struct Asked {
    std::string plugin = "postern-cni";
    std::vector<std::string> environment = {};  // over what a runtime says
  };
  /// `command` for eth0 of `container`.
  Outcome call(std::string_view command, std::string_view container, const Json& configuration, const Asked& asked) const {
    const bool ours = asked.plugin == "postern-cni";
    std::vector<std::string> environment = {fmt::format("CNI_COMMAND={}", command), fmt::format("CNI_CONTAINERID={}", container),
                                            fmt::format("CNI_NETNS=/run/netns/{}", container), "CNI_IFNAME=eth0",
                                            fmt::format("CNI_PATH={}", kReferencePlugins)};
    environment.insert(environment.end(), asked.environment.begin(), asked.environment.end());
    return host().run(
        {.argv = {fmt::format("{}/{}", ours ? fmt::format("{}/libexec/postern", kTree) : kReferencePlugins, asked.plugin)},
         .input = configuration.is_string() ? configuration.get<std::string>() : configuration.dump(),
         .environment = environment});
  }
  Outcome call(std::string_view command, std::string_view container, const Json& configuration) const {
    return call(command, container, configuration, {});
  }

  /// A configuration of network `name`, with `more`.
  static Json network(std::string_view name, const Json& more = Json::object(), std::string_view version = "1.0.0") {
    Json json = {{"cniVersion", std::string(version)}, {"name", std::string(name)}, {"type", "postern-cni"}};
    json.update(more);
    return json;
  }
  static Json with(Json configuration, const char* key, Json value) {
    configuration[key] = std::move(value);
    return configuration;
  }

  /// ADD's result.
  Json add(std::string_view container, const Json& configuration, const Asked& asked) const {
    const Outcome outcome = call("ADD", container, configuration, asked);
    EXPECT_THAT(outcome, Succeeds());
    return Json::parse(outcome.out, nullptr, false);
  }
  Json add(std::string_view container, const Json& configuration) const { return add(container, configuration, {}); }

  /// Everything that an attached container leaves on the host: links, rules, claimed addresses, processes.
  std::string left() const {
    return host()
        .sh("ip -o link | grep -c pv; nft list table inet postern 2>/dev/null | grep -E 'elements|chain'; "
            "cd /run/postern/bridge 2>/dev/null && find . -path '*/addresses/*' -o -path '*/endpoints/*'")
        .out;
  }
};

/// An error object with that code on standard output, and status 1.
MATCHER_P(RefusesWith, code, "refuses with code " + testing::PrintToString(code)) {
  const auto json = nlohmann::json::parse(arg.out, nullptr, false);
  *result_listener << "ended with " << arg.status << "\nout: " << arg.out << "\nerr: " << arg.err;
  return arg.status == 1 && json.is_object() && json.value("code", -1) == code && !json.value("msg", "").empty();
}

}  // namespace postern::lab
