// main.cpp - postern: argv in, exit status out.
#include <cstdio>

#include "postern/base/log.h"
#include "postern/command/libexec_program.h"
#include "postern/process/inheritance.h"

#include "attach_command.h"
#include "options.h"
#include "ports_command.h"
#include "run_command.h"
#include "slirp4netns_command.h"
#include "status_command.h"
#include "top_command.h"

namespace {

using namespace postern;

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

int main_as_slirp4netns(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // whoever reads it through a pipe sees a line when it is written
  log::set_program("slirp4netns");
  return std::visit(Match{
                        [](const cli::Leave& leave) { return leave.status; },
                        [](const cli::Slirp4netnsOptions& options) { return cli::slirp4netns_command(options); },
                    },
                    cli::parse_slirp4netns_options(argc, argv));
}

}  // namespace

// What is thrown here is a bug, or no memory: to terminate is right.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  process::occupy_closed_streams();
  const process::Inheritance inheritance = process::Inheritance::take();
  process::ignore_broken_pipes();
  if (cli::is_called_slirp4netns(argc, argv)) return main_as_slirp4netns(argc, argv);
  return std::visit(Match{
                        [](const cli::Leave& leave) { return leave.status; },
                        [&](const cli::RunOptions& options) { return cli::run_command(options, inheritance); },
                        [](const cli::AttachOptions& options) { return cli::attach_command(options); },
                        [](const cli::PortsOptions& options) { return cli::ports_command(options); },
                        [](const cli::StatusOptions& options) { return cli::status_command(options); },
                        [](const cli::TopOptions& options) { return cli::top_command(options); },
                        [&](const cli::ProgramOptions& options) {
                          return command::become_libexec_program(options.program, options.arguments, inheritance);
                        },
                        [](const cli::DoctorOptions& options) { return doctor::run_doctor(options.format); },
                    },
                    cli::parse_options(argc, argv));
}
