#include "postern/workload/workload.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/base/assert.h"

#include "identity.h"
#include "init.h"

namespace postern::workload {

Result<Workload> Workload::create(const WorkloadPlan& plan, const process::Inheritance& inheritance) {
  POSTERN_ASSERT(!plan.command.empty());
  // With hidden folders the network is made later, in the user namespace that has power over it.
  const uint64_t network = plan.network == Network::own && !plan.hides_shared_folders ? CLONE_NEWNET : 0;
  POSTERN_TRY(channels, process::MessageChannel::make_pair(), "make namespaces");
  process::MessageChannel ours = std::move(channels.first), inits = std::move(channels.second);
  const auto be_init = [&] {
    { const process::MessageChannel parents_end = std::move(ours); }  // so that the parent's death is an end of file
    return run_init(inits, plan, inheritance);
  };
  POSTERN_TRY(init, process::Child::fork(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | network, be_init), "make namespaces");
  { const process::MessageChannel childs_end = std::move(inits); }
  POSTERN_TRY(born, process::receive_outcome(ours), "make namespaces");
  UniqueFd proc_folder = std::move(born.descriptors.at(0));
  POSTERN_CHECK(give_ids(proc_folder, plan.identity, plan.id_ranges), "make namespaces");
  POSTERN_CHECK(ours.send(kMapped), "make namespaces");
  return Workload(std::move(init), std::move(ours), std::move(proc_folder));
}

Status Workload::prepared() {
  POSTERN_CHECK(process::receive_outcome(channel_), "make namespaces");
  return {};
}

Status Workload::start() {
  POSTERN_CHECK(channel_.send(kGo), "start the command");
  POSTERN_CHECK(process::receive_outcome(channel_), "start the command");
  started_ = true;
  return {};
}

void Workload::signal(int number) const {
  if (!started_) return;
  siginfo_t info{};
  info.si_signo = number;
  info.si_code = kPassOn;
  ::syscall(SYS_pidfd_send_signal, init_.pidfd(), number, &info, 0);
}

}  // namespace postern::workload
