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
constexpr int kVnetHeaderBytes = 10;  // struct virtio_net_hdr, the kernel's own choice for a new TAP

}  // namespace

Result<UniqueFd> open_tap(std::string_view name, TapFraming framing) {
  if (name.empty() || name.size() >= IFNAMSIZ || name.find('/') != name.npos || name.find('%') != name.npos) {
    return fail(fmt::format("\"{}\" is no name for a device: 1 to 15 characters, no '/' or '%'", name));
  }
  UniqueFd tap(::open(kTunDevice, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) return fail_errno("open", kTunDevice);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | (framing == TapFraming::vnet ? IFF_VNET_HDR : 0);
  if (::ioctl(tap.get(), TUNSETIFF, &request) < 0) return fail_errno("TUNSETIFF", name);
  return tap;
}

Status accept_superframes(int tap) {
  // Not TUN_F_TSO6: libslirp answers an IPv6 packet above its MTU with "packet too big".
  if (::ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) return fail_errno("TUNSETOFFLOAD");
  return {};
}

Result<TapFraming> adopt_tap(int tap) {
  ifreq request{};
  if (::ioctl(tap, TUNGETIFF, &request) < 0) return fail_errno("TUNGETIFF", fmt::format("descriptor {}", tap));
  const unsigned flags = static_cast<unsigned short>(request.ifr_flags);
  if (!(flags & IFF_TAP)) return fail(fmt::format("descriptor {} is a TUN, not a TAP", tap));
  if (!(flags & IFF_NO_PI)) return fail(fmt::format("descriptor {}: the TAP was not opened with IFF_NO_PI", tap));
  const int status = ::fcntl(tap, F_GETFL);
  if (status < 0 || ::fcntl(tap, F_SETFL, status | O_NONBLOCK) < 0) return fail_errno("fcntl", "O_NONBLOCK");
  if (!(flags & IFF_VNET_HDR)) return TapFraming::bare;
  int header_bytes = kVnetHeaderBytes;
  if (::ioctl(tap, TUNSETVNETHDRSZ, &header_bytes) < 0) return fail_errno("TUNSETVNETHDRSZ");
  POSTERN_CHECK(accept_superframes(tap), "TAP");
  return TapFraming::vnet;
}

Status leave_to_namespace(int tap) {
  if (::ioctl(tap, TUNSETPERSIST, 1) < 0) return fail_errno("TUNSETPERSIST");
  return {};
}

}  // namespace postern::netns
