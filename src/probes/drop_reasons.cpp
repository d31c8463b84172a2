#include "drop_reasons.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <memory>
#include <string_view>

namespace postern::probes {
namespace {

constexpr std::string_view kEnum = "skb_drop_reason", kPrefix = "SKB_DROP_REASON_", kShorterPrefix = "SKB_";

struct Freed {
  void operator()(btf* types) const { btf__free(types); }
};

std::string without_prefix(std::string_view name) {
  for (const std::string_view prefix : {kPrefix, kShorterPrefix})
    if (name.starts_with(prefix)) return std::string(name.substr(prefix.size()));
  return std::string(name);
}

std::map<uint32_t, std::string> read_names(const std::string& path) {
  const std::unique_ptr<btf, Freed> types(btf__parse(path.c_str(), nullptr));
  if (!types) return {};
  const int id = btf__find_by_name_kind(types.get(), kEnum.data(), BTF_KIND_ENUM);
  if (id < 0) return {};
  std::map<uint32_t, std::string> names;
  const btf_type* type = btf__type_by_id(types.get(), static_cast<uint32_t>(id));
  for (uint32_t i = 0; i < btf_vlen(type); ++i) {
    const struct btf_enum& value = btf_enum(type)[i];
    names.emplace(static_cast<uint32_t>(value.val), without_prefix(btf__name_by_offset(types.get(), value.name_off)));
  }
  return names;
}

}  // namespace

std::string DropReasons::name(uint32_t reason) {
  if (!is_read_) {
    is_read_ = true;
    names_ = read_names(types_);
    names_[0] = "NOT_SPECIFIED";  // "not dropped yet": none was given
  }
  const auto found = names_.find(reason);
  if (found != names_.end()) return found->second;
  return reason >> 16 != 0 ? fmt::format("{:#x}", reason) : fmt::format("{}", reason);
}

}  // namespace postern::probes
