// kernel_probes.h - the observers inside the kernel: eBPF programs on tracepoints, which see all network namespaces, and on the
// packet filter's hooks, in the namespaces that are given.
//
//   transmit ═ ingress ─ prerouting ─ [DNAT] ─ after_dnat ─┬─ forward ──┐                             drop: anywhere
//   (netif_receive_skb)   hook -399             hook +301  └─ input     ├─ postrouting ─ [SNAT] ─ after_snat ─ egress ─ transmit
//                                      a program ─── output (hook -399) ┘  hook +99               hook +301  (net_dev_...)
//
// What a packet is, is decided in the kernel: only what matches the filter, and what belongs to it, comes here through a ring
// buffer. The programs let every packet pass; where they cannot tell of one, it is counted as lost and goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/loop/event_loop.h"
#include "postern/packet_filter/program.h"

namespace postern::probes {

/// packet: one that matches the filter anywhere, to its end. connection: also the others of its connection, both ways, through
/// address translation, and ICMP's errors about it.
enum class Follow { packet, connection };

/// Whose tracepoints' events are told: those of the namespaces that the hooks are watched in, or all.
enum class Tracepoints { of_watched_namespaces, of_all_namespaces };

struct KernelFiles {  // where the kernel tells of itself; others for tests
  std::string types = "/sys/kernel/btf/vmlinux";
  std::string symbols = "/proc/kallsyms";
};

struct ProbeConfig {
  pf_program filter{};
  Follow follow = Follow::connection;
  Tracepoints tracepoints = Tracepoints::of_all_namespaces;
  std::vector<int> namespaces;     // descriptors of network namespaces; they stay the caller's, and may be closed afterwards
  uint32_t ring_bytes = 4u << 20;  // rounded up to a power of two of whole pages
  KernelFiles kernel_files = {};
};

class KernelProbes {
 public:
  /// Events come to `sink` while `loop` turns, and in drain(). The loop must outlive the probes.
  /// Errors say what is missing and what would help: eBPF in this build; types (BTF) of the kernel; CAP_BPF, CAP_PERFMON,
  /// CAP_NET_ADMIN, and in the host's user namespace (EPERM); tracepoints.
  static Result<std::unique_ptr<KernelProbes>> attach(loop::EventLoop& loop, const ProbeConfig& config, journey::EventSink sink);
  KernelProbes(const KernelProbes&) = delete;
  KernelProbes& operator=(const KernelProbes&) = delete;
  ~KernelProbes();

  /// Watches the hooks of one more; nothing happens where it is watched already. A namespace that ends meanwhile is no error.
  /// Errors: EPERM; the kernel has no netfilter links (before Linux 6.4).
  Status add_namespace(int network);
  /// The hooks' programs keep a namespace alive that nobody else does: say here when it is nobody else's any more.
  void remove_namespace(uint64_t inode);

  /// What happens on this kernel without: "no hooks of the packet filter: Linux 6.4 has the links that are needed". Empty:
  /// nothing.
  const std::string& missing() const;
  /// Events for which the ring buffer had no room.
  uint64_t lost() const;
  /// All that happened before has reached the sink.
  void drain();

 private:
  class Attached;
  explicit KernelProbes(std::unique_ptr<Attached> attached);
  std::unique_ptr<Attached> attached_;
};

}  // namespace postern::probes
