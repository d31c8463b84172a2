// init.h - PID 1 inside: prepares the namespaces, starts the command, reaps the orphaned. See workload.h for the conversation.
#pragma once

#include <signal.h>

#include "postern/process/inheritance.h"
#include "postern/process/message_channel.h"
#include "postern/workload/workload.h"

namespace postern::workload {

inline constexpr std::string_view kMapped = "mapped";
inline constexpr std::string_view kGo = "go";
/// The si_code of a signal that is for the command; kill(2) has another, so what is sent to our process group is not doubled.
inline constexpr int kPassOn = SI_QUEUE;

/// The body of PID 1; returns its exit status.
int run_init(const process::MessageChannel& channel, const WorkloadPlan& plan, const process::Inheritance& inheritance);

}  // namespace postern::workload
