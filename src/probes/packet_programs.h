// packet_programs.h - packet_probes.bpf.c, in the kernel: loaded with a filter, its tracepoints attached.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "postern/base/result.h"
#include "postern/probes/kernel_probes.h"

#include "filter_hooks.h"

struct packet_probes;
struct bpf_link;

namespace postern::probes {

class PacketPrograms {
 public:
  /// Errors: see KernelProbes::attach.
  static Result<PacketPrograms> load(const ProbeConfig& config);

  /// Descriptors of those for the packet filter's hooks.
  FilterHooks::Programs hook_programs() const;
  bool has_hooks() const { return has_hooks_; }
  int ring() const;
  uint64_t lost() const;
  /// Whose tracepoints are told, where that matters (Tracepoints::of_watched_namespaces).
  void watch(uint64_t inode);
  void unwatch(uint64_t inode);
  Status attach_tracepoints();

 private:
  struct Freed {
    void operator()(packet_probes* programs) const;
    void operator()(bpf_link* link) const;
  };
  explicit PacketPrograms(packet_probes* programs) : programs_(programs) {}
  void configure(const ProbeConfig& config);
  std::unique_ptr<packet_probes, Freed> programs_;
  std::vector<std::unique_ptr<bpf_link, Freed>> tracepoints_;
  bool has_hooks_ = true;
};

}  // namespace postern::probes
