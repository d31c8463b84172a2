#include "postern/netns/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace postern::netns {

namespace {

constexpr const char* kTunDevice = "/dev/net/tun";

}  // namespace

Result<UniqueFd> open_tap(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name.find('/') != name.npos || name.find('%') != name.npos) {
    return fail(fmt::format("\"{}\" is no name for a device: 1 to 15 characters, no '/' or '%'", name));
  }
  UniqueFd tap(::open(kTunDevice, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) return fail_errno("open", kTunDevice);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(tap.get(), TUNSETIFF, &request) < 0) return fail_errno("TUNSETIFF", name);
  return tap;
}

Result<Mac> mac_of_tap(int tap) {
  ifreq request{};
  if (::ioctl(tap, SIOCGIFHWADDR, &request) < 0) return fail_errno("SIOCGIFHWADDR");
  Mac mac;
  std::copy_n(request.ifr_hwaddr.sa_data, mac.octets.size(), mac.octets.begin());
  return mac;
}

}  // namespace postern::netns
