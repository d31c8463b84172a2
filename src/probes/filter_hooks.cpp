#include "filter_hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter.h>

#include "postern/netns/namespace.h"
#include "postern/netns/visit.h"

#include "trial.h"

namespace postern::probes {
namespace {

struct Stand {
  probe_point point;
  uint32_t hook;
  int32_t first, step;  // priorities
};
constexpr std::array<Stand, 7> kStands = {{{PROBE_PREROUTING, NF_INET_PRE_ROUTING, -399, 2},
                                           {PROBE_AFTER_DNAT, NF_INET_PRE_ROUTING, 301, 2},
                                           {PROBE_INPUT, NF_INET_LOCAL_IN, 301, 2},
                                           {PROBE_FORWARD, NF_INET_FORWARD, 301, 2},
                                           {PROBE_OUTPUT, NF_INET_LOCAL_OUT, -399, 2},
                                           {PROBE_POSTROUTING, NF_INET_POST_ROUTING, 99, -2},
                                           {PROBE_AFTER_SNAT, NF_INET_POST_ROUTING, 301, 2}}};
constexpr int32_t kTries = 40;  // 99 down to 21, -399 up to -321

Result<UniqueFd> attach(int program, const Stand& stand, uint32_t family) {
  HookPlace place{.family = family, .hook = stand.hook, .priority = stand.first};
  auto link = attach_to_hook(program, place);
  for (int32_t tried = 1; !link && link.error().is(std::errc::device_or_resource_busy) && tried < kTries; ++tried) {
    place.priority += stand.step;
    link = attach_to_hook(program, place);
  }
  if (!link) return within(fmt::format("hook {} at priority {}", place.hook, place.priority), std::move(link).error());
  return link;
}

}  // namespace

Result<std::vector<UniqueFd>> FilterHooks::attach_here() const {
  std::vector<UniqueFd> links;
  for (const Stand& stand : kStands) {
    if (programs_[stand.point] < 0) continue;
    for (const uint32_t family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
      POSTERN_TRY(link, attach(programs_[stand.point], stand, family), "observe the packet filter");
      links.push_back(std::move(link));
    }
  }
  return links;
}

Status FilterHooks::add(int network) {
  POSTERN_TRY(identity, netns::identity_of(network), "observe a network namespace");
  if (links_.contains(identity.inode)) return {};
  const UniqueFd own(::fcntl(network, F_DUPFD_CLOEXEC, 0));
  if (!own) return fail_errno("keep a network namespace");
  POSTERN_TRY(visit, netns::Visit::begin(own), "observe a network namespace (CAP_SYS_ADMIN is needed to enter one)");
  POSTERN_TRY(links, attach_here(), "observe a network namespace");
  links_.emplace(identity.inode, std::move(links));
  return {};
}

}  // namespace postern::probes
