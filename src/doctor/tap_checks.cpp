// tap_checks.cpp - /dev/net/tun and what it offers, Linux Documentation/networking/tuntap.rst.
#include <fmt/format.h>

#include <cerrno>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

constexpr const char* kMakeNode = "sudo mkdir -p /dev/net && sudo mknod -m 0666 /dev/net/tun c 10 200";
constexpr mode_t kForAll = 0666;

Cause why_no_device(const Facts& facts) {
  const TunDevice& tun = facts.tun;
  const bool contained = facts.around.container != Container::none;
  const std::string option = contained ? container_option(facts.around, Need::tun) : "";
  if (tun.stat == ENOENT) {
    return {"/dev/net/tun does not exist", contained ? option : tun.driver ? kMakeNode : "sudo modprobe tun"};
  }
  if (tun.stat != 0) return {fmt::format("/dev/net/tun: {}", words(tun.stat)), contained ? option : "ls -ld /dev /dev/net"};
  if (!tun.is_tun) return {"/dev/net/tun is something else", fmt::format("sudo rm /dev/net/tun; {}", kMakeNode)};
  if (tun.open == ENODEV || tun.open == ENXIO) return {"the kernel has no tun driver loaded", "sudo modprobe tun"};
  const std::string found = fmt::format("/dev/net/tun (mode {:04o}) cannot be opened: {}", tun.mode, words(tun.open));
  if (tun.open == EACCES && (tun.mode & kForAll) != kForAll) return {found, "sudo chmod 0666 /dev/net/tun"};
  if (contained) return {found, option};  // the devices that its control group lists
  if (tun.open == EACCES) return {found, "sudo mount -o remount,dev /dev"};
  return {found, "allow the device in the control group; in a systemd unit: DeviceAllow=/dev/net/tun rw"};
}

Finding check_tun(const Facts& facts) {
  constexpr const char* breaks = "run and attach cannot make the TAP that connects a namespace";
  const auto missing = [&](Cause cause) {
    return Finding{"tun", Verdict::missing, std::move(cause.found), breaks, std::move(cause.remedy)};
  };
  if (facts.tun.stat != 0 || !facts.tun.is_tun || facts.tun.open != 0) return missing(why_no_device(facts));
  if (facts.trial.tap == kUntried) return {"tun", Verdict::unknown, "/dev/net/tun opens; no namespace to try it in", "", ""};
  if (facts.trial.tap != 0) return missing(why_refused(facts, facts.trial.tap));
  return {"tun", Verdict::ok, "a TAP can be made inside", "", ""};
}

struct Offload {
  const char* check;
  const char* name;
  const char* since;
  const char* breaks;
  int NamespaceTrial::*tried;
};
constexpr Offload kTso{"tso", "TCP segmentation offload", "2.6.27", "TCP goes one packet at a time: slower",
                       &NamespaceTrial::tso};
constexpr Offload kUso{"uso", "UDP segmentation offload", "6.2", "UDP_SEGMENT senders go one datagram at a time: slower",
                       &NamespaceTrial::uso};

Finding check_offload(const Facts& facts, const Offload& offload) {
  const int error = facts.trial.*offload.tried;
  if (error == kUntried) return {offload.check, Verdict::unknown, "not tried: no TAP", "", ""};
  if (error == 0) return {offload.check, Verdict::ok, fmt::format("the TAP has {}", offload.name), "", ""};
  return {offload.check, Verdict::limited, fmt::format("the TAP has no {}", offload.name), offload.breaks,
          fmt::format("use Linux {} or newer", offload.since)};
}

}  // namespace

std::vector<Finding> check_tap(const Facts& facts) {
  return {check_tun(facts), check_offload(facts, kTso), check_offload(facts, kUso)};
}

}  // namespace postern::doctor
