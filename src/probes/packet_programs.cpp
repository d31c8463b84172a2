#include "packet_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <packet_probes.skel.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstring>
#include <numeric>

#include "postern/base/file.h"
#include "postern/process/capability.h"

#include "trial.h"

namespace postern::probes {
namespace {

constexpr std::string_view kDoing = "observe in the kernel";

/// What libbpf says of its own accord goes to nobody: errors come back by errno, and the verifier's log is for its authors, who
/// set POSTERN_BPF_LOG.
int say(libbpf_print_level level, const char* format, va_list arguments) {
  static const bool wanted = ::getenv("POSTERN_BPF_LOG") != nullptr;
  return wanted && level != LIBBPF_DEBUG ? ::vfprintf(stderr, format, arguments) : 0;
}

/// The capabilities that are missing; those of a user namespace other than the host's are not, but do not help: eBPF asks for the
/// host's.
Status check_capabilities() {
  constexpr uint32_t kCapPerfmon = 38, kCapBpf = 39;  // Linux 5.8
  const bool is_administrator = process::has_capability(CAP_SYS_ADMIN);
  std::vector<std::string_view> missing;
  if (!is_administrator && !process::has_capability(kCapBpf)) missing.emplace_back("CAP_BPF");
  if (!is_administrator && !process::has_capability(kCapPerfmon)) missing.emplace_back("CAP_PERFMON");
  if (!process::has_capability(CAP_NET_ADMIN)) missing.emplace_back("CAP_NET_ADMIN");
  if (missing.empty()) return {};
  return fail(std::errc::operation_not_permitted,
              fmt::format("{}: {} missing (run it as root, by sudo for example)", kDoing, fmt::join(missing, ", ")));
}

Failure refused(int error) {
  if (error != EPERM && error != EACCES) {
    errno = error;
    return fail_errno(fmt::format("{}: load the programs", kDoing));
  }
  constexpr std::string_view kHost = "user:[4026531837]";  // PROC_USER_INIT_INO
  const bool is_hosts = read_link("/proc/self/ns/user") == kHost;
  return fail(std::errc::operation_not_permitted,
              fmt::format("{}: the kernel refuses eBPF ({})", kDoing,
                          is_hosts ? "a policy of this machine forbids it: a security module, or lockdown"
                                   : "capabilities of a user namespace do not count: run it as root of the host"));
}

Status check_types(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail_errno(fmt::format("{}: this kernel does not tell its types (CONFIG_DEBUG_INFO_BTF): open", kDoing), path);
}

/// The ring's size is a power of two of whole pages.
uint32_t ring_size(uint32_t bytes) {
  auto size = static_cast<uint32_t>(::sysconf(_SC_PAGESIZE));
  while (size < bytes && size < 1u << 30) size *= 2;
  return size;
}

/// rodata is `const volatile` in the kernel's eyes, and so in the header that is made of it.
template <class T>
void set(const volatile T& constant, const T& value) {
  std::memcpy(const_cast<T*>(&constant), &value, sizeof value);
}

bool kernel_has_cast() {
  static const bool has = [] {
    btf* types = btf__load_vmlinux_btf();
    const bool found = types != nullptr && btf__find_by_name_kind(types, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
    btf__free(types);
    return found;
  }();
  return has;
}

bool is_for_hook(const bpf_program* program) { return std::strcmp(bpf_program__section_name(program), "netfilter") == 0; }

/// A kind that this libbpf, or the header that it was built with, may not have a name for.
void make_netfilter(bpf_program* program, uint32_t type, uint32_t attach_type) {
  bpf_program__set_type(program, static_cast<bpf_prog_type>(type));
  bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(attach_type));
}

}  // namespace

void PacketPrograms::Freed::operator()(packet_probes* programs) const { packet_probes__destroy(programs); }
void PacketPrograms::Freed::operator()(bpf_link* link) const { bpf_link__destroy(link); }

void PacketPrograms::configure(const ProbeConfig& config) {
  auto* constants = programs_->rodata;
  set(constants->filter, config.filter);
  set(constants->follows_connections, uint32_t{config.follow == Follow::connection});
  set(constants->watched_only, uint32_t{config.tracepoints == Tracepoints::of_watched_namespaces});
  set(constants->can_cast, uint32_t{kernel_has_cast()});
  bpf_map__set_max_entries(programs_->maps.records, ring_size(config.ring_bytes));
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs_->obj) {
    if (!is_for_hook(program)) continue;
    make_netfilter(program, kNetfilterProgram, kNetfilterAttach);
    bpf_program__set_autoload(program, has_hooks_);
  }
}

Result<PacketPrograms> PacketPrograms::load(const ProbeConfig& config) {
  libbpf_set_print(say);
  if (auto told = check_types(config.kernel_files.types); !told) return Failure(told.error());
  if (auto may = check_capabilities(); !may) return Failure(may.error());
  PacketPrograms programs(packet_probes__open());
  if (!programs.programs_) return fail_errno(kDoing, "open the programs");
  const Status hooks = netfilter_programs_load();
  programs.has_hooks_ = hooks.has_value();
  if (!hooks && hooks.error().is(std::errc::operation_not_permitted)) return refused(EPERM);
  programs.configure(config);
  if (const int status = packet_probes__load(programs.programs_.get()); status != 0) return refused(-status);
  return programs;
}

FilterHooks::Programs PacketPrograms::hook_programs() const {
  FilterHooks::Programs all;
  all.fill(-1);
  if (!has_hooks_) return all;
  const auto& programs = programs_->progs;
  all[PROBE_PREROUTING] = bpf_program__fd(programs.prerouting);
  all[PROBE_AFTER_DNAT] = bpf_program__fd(programs.after_dnat);
  all[PROBE_INPUT] = bpf_program__fd(programs.input);
  all[PROBE_FORWARD] = bpf_program__fd(programs.forward);
  all[PROBE_OUTPUT] = bpf_program__fd(programs.output);
  all[PROBE_POSTROUTING] = bpf_program__fd(programs.postrouting);
  all[PROBE_AFTER_SNAT] = bpf_program__fd(programs.after_snat);
  return all;
}

Status PacketPrograms::attach_tracepoints() {
  const auto& programs = programs_->progs;
  for (bpf_program* program : {programs.ingress, programs.egress, programs.transmit, programs.drop}) {
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) return fail_errno("attach to the tracepoint", bpf_program__section_name(program));
    tracepoints_.emplace_back(link);
  }
  return {};
}

int PacketPrograms::ring() const { return bpf_map__fd(programs_->maps.records); }

uint64_t PacketPrograms::lost() const {
  std::vector<uint64_t> counts(static_cast<size_t>(std::max(1, libbpf_num_possible_cpus())));
  const uint32_t only = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.lost), &only, counts.data()) != 0) return 0;
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

void PacketPrograms::watch(uint64_t inode) {
  const auto key = static_cast<uint32_t>(inode);
  const uint8_t yes = 1;
  bpf_map_update_elem(bpf_map__fd(programs_->maps.watched), &key, &yes, BPF_ANY);
}

void PacketPrograms::unwatch(uint64_t inode) {
  const auto key = static_cast<uint32_t>(inode);
  bpf_map_delete_elem(bpf_map__fd(programs_->maps.watched), &key);
}

}  // namespace postern::probes
