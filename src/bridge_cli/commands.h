// commands.h - each subcommand against the engine: what it prints goes to standard output, its end is the exit status.
#pragma once

#include "options.h"

namespace postern::bridge_cli {

int run(const UpOptions& options);
int run(const DownOptions& options);
int run(const ListOptions& options);
int run(const InspectOptions& options);
int run(const AttachOptions& options);
int run(const DetachOptions& options);
int run(const PortsOptions& options);
int run(const CheckOptions& options);
int run(const GcOptions& options);
int run(const ReloadOptions& options);
int run(const DoctorOptions& options);

}  // namespace postern::bridge_cli
