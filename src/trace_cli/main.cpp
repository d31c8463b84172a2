// main.cpp - postern-trace: the program behind `postern trace`.
#include "postern/process/inheritance.h"

#include "options.h"
#include "probe_command.h"
#include "trace_command.h"

namespace {

using namespace postern;

struct Runner {
  int operator()(const trace_cli::Leave& leave) const { return leave.status; }
  template <class CommandOptions>
  int operator()(const CommandOptions& options) const {
    return trace_cli::run(options);
  }
};

}  // namespace

// What is thrown here is a bug, or no memory: to terminate is right.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  process::occupy_closed_streams();
  process::ignore_broken_pipes();
  process::raise_file_limit();  // there may be more namespaces than the usual 1024 descriptors
  return std::visit(Runner{}, trace_cli::parse_options(argc, argv));
}
