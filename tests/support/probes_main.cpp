// probes_main.cpp - postern-probes: the observers in the kernel alone, for tests and benchmarks.
//
//   postern-probes [--netns PATH]... [--quiet] FILTER...     a line an event, until standard input ends; then "lost N"
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/loop/event_loop.h"
#include "postern/packet_filter/filter.h"
#include "postern/probes/kernel_probes.h"

#include "program.h"

namespace postern::lab {
namespace {

struct Wish {
  std::vector<UniqueFd> namespaces;
  std::string filter;
  bool is_quiet = false;
};

Result<Wish> parse(int argc, char** argv) {
  Wish wish;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--quiet") {
      wish.is_quiet = true;
    } else if (word == "--netns" && i + 1 < argc) {
      UniqueFd network(::open(argv[++i], O_RDONLY | O_CLOEXEC));
      if (!network) return fail_errno("open", argv[i]);
      wish.namespaces.push_back(std::move(network));
    } else {
      wish.filter.append(wish.filter.empty() ? "" : " ").append(word);
    }
  }
  return wish;
}

void print(const journey::Event& event) {
  const std::string packet = event.packet
                                 ? fmt::format("{} > {} {}", to_string(event.packet->source),
                                               to_string(event.packet->destination), journey::transport_text(*event.packet))
                                 : "?";
  fmt::print("{} {} {} {} {:x} {}{}{}\n", event.time_ns, event.network.inode, journey::name(event.point), event.device.name,
             event.identity, packet, event.conntrack ? " ct " + event.conntrack->state : "",
             event.drop ? fmt::format(" {} at {}", event.drop->reason, event.drop->where) : "");
}

Status observe(const Wish& wish) {
  auto filter = packet_filter::Filter::parse(wish.filter);
  if (auto* complaint = std::get_if<packet_filter::Complaint>(&filter)) return fail(complaint->drawn(wish.filter));
  probes::ProbeConfig config;
  config.filter = std::get<packet_filter::Filter>(filter).program();
  for (const UniqueFd& network : wish.namespaces) config.namespaces.push_back(network.get());
  POSTERN_TRY(loop, loop::EventLoop::create(), "postern-probes");
  POSTERN_TRY(probes,
              probes::KernelProbes::attach(*loop, config,
                                           [&](journey::Event&& event) {
                                             if (!wish.is_quiet) print(event);
                                           }),
              "postern-probes");
  bool goes_on = true;
  auto input = loop->make_source([&](uint32_t, uint32_t) {
    char byte = 0;
    goes_on = ::read(STDIN_FILENO, &byte, 1) > 0;
  });
  POSTERN_CHECK(input.watch(STDIN_FILENO, EPOLLIN), "postern-probes");
  fmt::print("ready {}\n", probes->missing());
  while (goes_on) {
    std::fflush(stdout);
    POSTERN_CHECK(loop->turn(), "postern-probes");
  }
  probes->drain();
  fmt::print("lost {}\n", probes->lost());
  return {};
}

int run(int argc, char** argv) {
  const auto wish = parse(argc, argv);
  const Status done = wish ? observe(*wish) : Status(Failure(wish.error()));
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().message());
  return 1;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-probes", postern::lab::run, argc, argv); }
