// main.cpp - postern: argv in, exit status out.
#include <csignal>

#include "attach_command.h"
#include "options.h"
#include "ports_command.h"
#include "run_command.h"
#include "status_command.h"

namespace {

using namespace postern;

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

}  // namespace

int main(int argc, char** argv) {
  const process::Inheritance inheritance = process::Inheritance::take();
  return std::visit(Match{
                        [](const cli::Leave& leave) { return leave.status; },
                        [&](const cli::RunOptions& options) { return cli::run_command(options, inheritance); },
                        [](const cli::AttachOptions& options) { return cli::attach_command(options); },
                        [](const cli::PortsOptions& options) { return cli::ports_command(options); },
                        [](const cli::StatusOptions& options) { return cli::status_command(options); },
                        [](const cli::DoctorOptions& options) { return doctor::run_doctor(options.format); },
                    },
                    cli::parse_options(argc, argv));
}
