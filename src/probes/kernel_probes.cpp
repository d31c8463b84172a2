// kernel_probes.cpp - the ring buffer's end in user space, and who owns what: hooks and tracepoints go before the programs do.
#include "postern/probes/kernel_probes.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include "postern/netns/namespace.h"

#include "decode.h"
#include "drop_reasons.h"
#include "filter_hooks.h"
#include "kernel_symbols.h"
#include "packet_programs.h"
#include "record.h"

namespace postern::probes {
namespace {

struct Freed {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

/// Others in the loop have their turn after so many.
constexpr size_t kRecordsATurn = 2048;

}  // namespace

class KernelProbes::Attached {
 public:
  Attached(PacketPrograms programs, const ProbeConfig& config, journey::EventSink sink)
      : programs_(std::move(programs)),
        hooks_(programs_.hook_programs()),
        reasons_(config.kernel_files.types),
        symbols_(config.kernel_files.symbols),
        sink_(std::move(sink)),
        records_in_ring_(2 * size_t{config.ring_bytes} / sizeof(probe_record) + kRecordsATurn) {
    names_ = {.drop_reason = [this](uint32_t reason) { return reasons_.name(reason); },
              .function = [this](uint64_t address) { return symbols_.function_at(address); }};
    if (!programs_.has_hooks()) missing_ = "no hooks of the packet filter: Linux 6.4 has the links that are needed";
  }

  Status start(loop::EventLoop& loop, const ProbeConfig& config) {
    ring_.reset(ring_buffer__new(programs_.ring(), &Attached::take, this, nullptr));
    if (!ring_) return fail_errno("map the ring buffer");
    source_ = loop.make_source([this](uint32_t, uint32_t) { consume(kRecordsATurn); });
    POSTERN_CHECK(source_.watch(programs_.ring(), EPOLLIN), "watch the ring buffer");
    for (const int network : config.namespaces) POSTERN_CHECK(add(network), "begin");
    POSTERN_CHECK(programs_.attach_tracepoints(), "begin");
    return {};
  }

  Status add(int network) {
    POSTERN_TRY(identity, netns::identity_of(network), "observe a network namespace");
    programs_.watch(identity.inode);
    if (!programs_.has_hooks()) return {};
    return hooks_.add(network);
  }
  void remove(uint64_t inode) {
    programs_.unwatch(inode);
    hooks_.remove(inode);
  }
  const std::string& missing() const { return missing_; }
  uint64_t lost() const { return programs_.lost(); }
  /// What is being written while we read is later than the call: a ring's worth, which may have been rounded up, is all there
  /// was.
  void drain() { consume(records_in_ring_); }

 private:
  void consume(size_t most) {
    left_ = most;
    ring_buffer__consume(ring_.get());
  }
  /// libbpf's callback; a negative answer makes it come back.
  static int take(void* self, void* data, size_t size) noexcept {
    auto& probes = *static_cast<Attached*>(self);
    if (auto event = decode({static_cast<const uint8_t*>(data), size}, probes.names_)) probes.sink_(*std::move(event));
    return --probes.left_ == 0 ? -EAGAIN : 0;
  }

  PacketPrograms programs_;
  FilterHooks hooks_;
  DropReasons reasons_;
  LazyKernelSymbols symbols_;
  KernelNames names_;
  journey::EventSink sink_;
  std::unique_ptr<ring_buffer, Freed> ring_;
  loop::EventLoop::Source source_;
  size_t records_in_ring_, left_ = 0;
  std::string missing_;
};

KernelProbes::KernelProbes(std::unique_ptr<Attached> attached) : attached_(std::move(attached)) {}
KernelProbes::~KernelProbes() = default;

Result<std::unique_ptr<KernelProbes>> KernelProbes::attach(loop::EventLoop& loop, const ProbeConfig& config,
                                                           journey::EventSink sink) {
  auto programs = PacketPrograms::load(config);
  if (!programs) return Failure(std::move(programs).error());
  auto attached = std::make_unique<Attached>(*std::move(programs), config, std::move(sink));
  POSTERN_CHECK(attached->start(loop, config), "observe in the kernel");
  return std::unique_ptr<KernelProbes>(new KernelProbes(std::move(attached)));
}

Status KernelProbes::add_namespace(int network) { return attached_->add(network); }
void KernelProbes::remove_namespace(uint64_t inode) { attached_->remove(inode); }
const std::string& KernelProbes::missing() const { return attached_->missing(); }
uint64_t KernelProbes::lost() const { return attached_->lost(); }
void KernelProbes::drain() { attached_->drain(); }

}  // namespace postern::probes
