// ipam.h - the plugin to which a configuration delegates the choice of addresses: run as the runtime runs us, with the same
// environment and the same standard input. SPEC.md, "Section 4: Plugin Delegation".
#pragma once

#include <string>
#include <string_view>

#include "call.h"
#include "refusal.h"

namespace postern::cni {

/// The path of plugin `type` in `folders`, CNI_PATH. Refuses when it is in none.
Outcome<std::string> find_plugin(std::string_view folders, const std::string& type);

/// Runs the configuration's IPAM plugin to its end; what it wrote to its standard output. Refuses with its words and its code
/// when it fails. Its standard error is ours.
Outcome<std::string> call_ipam(const Call& call, Command command);

}  // namespace postern::cni
