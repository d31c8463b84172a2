// main.cpp - postern-inspect: the program behind `postern inspect`.
#include "postern/process/inheritance.h"

#include "commands.h"
#include "options.h"

namespace {

using namespace postern;

struct Runner {
  int operator()(const inspect_cli::Leave& leave) const { return leave.status; }
  int operator()(const inspect_cli::InspectOptions& options) const { return inspect_cli::run(options); }
};

}  // namespace

// What is thrown here is a bug, or no memory: to terminate is right.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  process::occupy_closed_streams();
  process::ignore_broken_pipes();
  process::raise_file_limit();  // there may be more namespaces than the usual 1024 descriptors
  return std::visit(Runner{}, inspect_cli::parse_options(argc, argv));
}
