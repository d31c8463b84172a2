#include "probe_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <variant>

#include "postern/base/log.h"
#include "postern/loop/event_loop.h"
#include "postern/packet_filter/filter.h"
#include "postern/probes/build.h"
#include "postern/probes/ladder.h"
#include "postern/process/capability.h"
#include "postern/process/child.h"
#include "postern/trace/packet_sockets.h"
#include "postern/trace/rule_events.h"

#include "probe_report.h"

namespace postern::trace_cli {

namespace {

using probes::Rung;

/// Opens what a trace opens, and takes it away. The filter lets nothing pass that is there.
template <class SourceKind>
Status try_source() {
  auto loop = loop::EventLoop::create();
  if (!loop) return Failure(loop.error());
  auto filter = packet_filter::Filter::parse("icmp and src host 255.255.255.255");
  const auto following = std::make_shared<journey::Following>(std::get<packet_filter::Filter>(std::move(filter)),
                                                              journey::Following::Extent::packet);
  auto opened = SourceKind::open(**loop, following, [](journey::Event&&) {});
  return opened ? Status() : Failure(opened.error());
}

/// For who has no power here: in a namespace of his own, as postern run makes one. What goes wrong there is told by the child.
Status try_in_own_namespace(Status (*attempt)()) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe");
  const UniqueFd told(ends[0]);
  UniqueFd teller(ends[1]);
  auto child = process::Child::fork(CLONE_NEWUSER | CLONE_NEWNET, [&] {
    const Status tried = attempt();
    const std::string why = tried ? "" : tried.error().message();
    return ::write(teller.get(), why.data(), why.size()) < 0 || !tried ? 1 : 0;
  });
  teller.reset();
  if (!child) return within("a namespace of your own", child.error());
  std::string why(512, '\0');
  const ssize_t size = ::read(told.get(), why.data(), why.size());
  const auto ended = child->wait();
  if (!ended) return Failure(ended.error());
  return ended->success() ? Status() : fail(why.substr(0, static_cast<size_t>(std::max<ssize_t>(size, 0))));
}

Rung tried(Rung rung, Status (*attempt)()) {
  const bool here = process::has_capability(CAP_NET_ADMIN) && process::has_capability(CAP_NET_RAW);
  const Status works = here ? attempt() : try_in_own_namespace(attempt);
  rung.works = works.has_value();
  rung.why_not = works ? "" : works.error().message();
  rung.is_in_use = true;
  if (!here) rung.gives += "; for you in namespaces of your own";
  return rung;
}

}  // namespace

int run(const ProbeOptions& options) {
  std::vector<Rung> rungs = probes::try_ladder();
  rungs.push_back(tried({.name = "nft trace",
                         .gives = "the rule of nftables that drops, accepts or leads on, in its words",
                         .why_not = "",
                         .needs = "CAP_NET_ADMIN over the namespace"},
                        try_source<trace::RuleEvents>));
  rungs.push_back(tried({.name = "packet sockets",
                         .gives = "what devices send and receive, where eBPF cannot be had",
                         .why_not = "",
                         .needs = "CAP_NET_RAW over the namespace"},
                        try_source<trace::PacketSockets>));
  rungs.push_back({.name = "postern's own events",
                   .gives = "what a running postern run does with a packet: engine, host socket, drop",
                   .works = true,
                   .why_not = "",
                   .needs = "the same user, or root",
                   .is_in_use = true});
  const std::string text =
      options.form == Form::json ? probe_json(rungs, probes::build_text()) : probe_text(rungs, probes::build_text());
  const int told = command::answer(text);
  const bool any = std::any_of(rungs.begin(), rungs.end(), [](const Rung& rung) { return rung.works && rung.is_in_use; });
  return any ? told : command::kFailure;
}

}  // namespace postern::trace_cli
