#include "postern/netns/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "postern/base/pretend.h"

namespace postern::netns {

namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
constexpr int kVnetHeaderBytes = 10;  // struct virtio_net_hdr; whoever had a TAP before may have chosen another

constexpr unsigned long kDatagrams =
    0x20 | 0x40;  // TUN_F_USO4 and TUN_F_USO6, in <linux/if_tun.h> from 6.2 on; one alone is refused

unsigned long tun_flags(Offload offload) {
  switch (offload) {  // TSO is refused without CSUM
    case Offload::none: return 0;
    case Offload::checksums: return TUN_F_CSUM;
    case Offload::tcp4: return TUN_F_CSUM | TUN_F_TSO4;
    case Offload::tcp4_and_tcp6: return TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    case Offload::tcp_and_udp: return TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | kDatagrams;
  }
  return 0;
}

bool pretended_refusal(Offload offload) {
  return (offload >= Offload::checksums && pretended_missing("csum")) || (offload >= Offload::tcp4 && pretended_missing("tso")) ||
         (offload >= Offload::tcp_and_udp && pretended_missing("uso"));
}

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

Result<Offload> accept_superframes(int tap, Offload wanted) {
  int header_bytes = kVnetHeaderBytes;
  if (::ioctl(tap, TUNSETVNETHDRSZ, &header_bytes) < 0) return fail_errno("TUNSETVNETHDRSZ");
  for (const Offload offload :
       {wanted, std::min(wanted, Offload::tcp4_and_tcp6), std::min(wanted, Offload::checksums), Offload::none}) {
    if (pretended_refusal(offload)) continue;
    if (::ioctl(tap, TUNSETOFFLOAD, tun_flags(offload)) == 0) return offload;
    if (errno != EINVAL) break;  // which is said of an offload that the kernel does not know
  }
  return fail_errno("TUNSETOFFLOAD");
}

Mac mac_of(int tap) {
  ifreq request{};
  Mac mac;
  if (::ioctl(tap, SIOCGIFHWADDR, &request) < 0) return mac;
  std::copy_n(request.ifr_hwaddr.sa_data, mac.octets.size(), mac.octets.begin());
  return mac;
}

void return_tap(int tap) { (void)::ioctl(tap, TUNSETOFFLOAD, 0UL); }

Result<TapMode> adopt_tap(int tap, Offload wanted) {
  ifreq request{};
  if (::ioctl(tap, TUNGETIFF, &request) < 0) return fail_errno("TUNGETIFF", fmt::format("descriptor {}", tap));
  const unsigned flags = static_cast<unsigned short>(request.ifr_flags);
  if (!(flags & IFF_TAP)) return fail(fmt::format("descriptor {} is a TUN, not a TAP", tap));
  if (!(flags & IFF_NO_PI)) return fail(fmt::format("descriptor {}: the TAP was not opened with IFF_NO_PI", tap));
  const int status = ::fcntl(tap, F_GETFL);
  if (status < 0 || ::fcntl(tap, F_SETFL, status | O_NONBLOCK) < 0) return fail_errno("fcntl", "O_NONBLOCK");
  if (!(flags & IFF_VNET_HDR)) return TapMode{.mac = mac_of(tap)};
  POSTERN_TRY(granted, accept_superframes(tap, wanted), "TAP");
  return TapMode{TapFraming::vnet, granted, true, mac_of(tap)};
}

Status leave_to_namespace(int tap) {
  if (::ioctl(tap, TUNSETPERSIST, 1) < 0) return fail_errno("TUNSETPERSIST");
  return {};
}

}  // namespace postern::netns
