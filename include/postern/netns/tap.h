// tap.h - the wire out of the namespace: a TAP device, Linux Documentation/networking/tuntap.rst.
#pragma once

#include <cstdint>
#include <string_view>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netns {

/// What a read or write of the TAP's descriptor holds: an Ethernet frame, or a struct virtio_net_hdr and then the frame.
enum class TapFraming { bare, vnet };

/// What the kernel inside may leave to us, in a TAP of TapFraming::vnet; each includes what stands before it. It has nothing to
/// do with what may be written, which is always all of it.
enum class Offload : uint8_t {
  none,
  checksums,      // of TCP and UDP: only begun
  tcp4,           // TCP over IPv4 comes in superframes
  tcp4_and_tcp6,  // TCP over both
  tcp_and_udp,    // and datagrams of one size: Linux 6.2
};

/// How a TAP is to be read, as it came out.
struct TapMode {
  TapFraming framing = TapFraming::bare;
  Offload offload = Offload::none;
  bool is_borrowed = false;  // it was there before us and may be there after us: return_tap() at the end
  Mac mac = {};              // of the device inside, when we came; all zero: not known
};

/// All zero: it cannot be had. SIOCGIFHWADDR.
Mac mac_of(int tap);

/// Opens TAP `name` in the *calling thread's* network namespace, making it if it does not exist; non-blocking, close-on-exec,
/// without packet information (IFF_NO_PI). It goes when the descriptor does, unless somebody made it persistent.
/// Errors: ENOENT, EACCES (the device node), EPERM (no CAP_NET_ADMIN over the namespace), EBUSY (in use), ENAMETOOLONG, EINVAL (a
/// device of another kind has the name).
Result<UniqueFd> open_tap(std::string_view name, TapFraming framing);

/// Lets the kernel inside leave `wanted` to us. Where it refuses, what it may know: not UDP, then checksums alone, and then
/// nothing; returns what it granted. For TapFraming::vnet. Errors: it is no TAP's descriptor. TUNSETOFFLOAD.
Result<Offload> accept_superframes(int tap, Offload wanted);

/// The device outlives us, and with it what it was told to leave to us: whoever opens it next, without a vnet header perhaps,
/// gets it as the kernel makes a TAP.
void return_tap(int tap);

/// Takes over a TAP that somebody else opened: non-blocking from now on, with what the kernel grants of `wanted` where its
/// framing has room for it. Errors: it is no TAP's descriptor; it has packet information (no IFF_NO_PI); an unusual header size.
Result<TapMode> adopt_tap(int tap, Offload wanted);

/// From now on the device ends with its namespace and not with the descriptor, whose close is then cheap: the kernel frees a
/// namespace in its own time, but makes whoever closes a TAP wait for several RCU grace periods. TUNSETPERSIST.
Status leave_to_namespace(int tap);

}  // namespace postern::netns
