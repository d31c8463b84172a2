#include "bridge_program.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/command/libexec_program.h"
#include "postern/process/capability.h"
#include "postern/process/output.h"

namespace postern::cli {

namespace {

Status check_capabilities() {
  for (const auto& [capability, name] : {std::pair{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}) {
    if (process::has_capability(capability)) continue;
    return fail(fmt::format("--network bridge needs {} (be root, or use --network slirp, the default, which needs none)", name));
  }
  return {};
}

void add_each(std::vector<std::string>& arguments, const char* option, const std::vector<std::string>& values) {
  for (const std::string& value : values) arguments.insert(arguments.end(), {option, value});
}

}  // namespace

bool was_told(const Error& error) { return error.is(std::errc::state_not_recoverable); }

BridgeMember::BridgeMember(std::string program, BridgeChoice choice, BridgeNetwork network)
    : program_(std::move(program)),
      choice_(std::move(choice)),
      network_(std::move(network)),
      id_(fmt::format("run-{}", ::getpid())) {}

Result<BridgeMember> BridgeMember::open(const BridgeChoice& choice) {
  if (const Status able = check_capabilities(); !able) return Failure(able.error());
  const auto program = command::find_libexec_program(kBridgeProgram);
  if (!program) return within("--network bridge", program.error());
  const auto answer = process::output_of_program({*program, "up", choice.network, "--if-missing", "--json"});
  if (!answer) return Failure(answer.error());
  const auto network = read_bridge_network(*answer);
  if (!network) return within("--network bridge", network.error());
  return BridgeMember(*program, choice, *network);
}

/// The folder is an open descriptor of ours, and postern-bridge has others: it is told the name that the folder has.
Status BridgeMember::join(const std::string& proc_folder) {
  const auto folder = read_link(proc_folder);
  if (!folder) return fail_errno("readlink", proc_folder);
  std::vector<std::string> arguments = {program_, "attach", choice_.network, *folder + "/ns/net", "--id", id_};
  add_each(arguments, "--publish", choice_.publish);
  add_each(arguments, "--ip", choice_.addresses);
  add_each(arguments, "--hostname", choice_.host_names);
  joined_ = true;  // also where it is killed half-way
  const auto answer = process::output_of_program(arguments);
  if (answer) return {};
  joined_ = !was_told(answer.error());  // by itself it leaves nothing half-made
  return Failure(answer.error());
}

BridgeMember::~BridgeMember() {
  if (!joined_) return;
  const auto left = process::output_of_program({program_, "detach", choice_.network, id_});
  if (!left) log::warning("{} was not disconnected from {} (postern bridge gc does it)", id_, choice_.network);
}

}  // namespace postern::cli
