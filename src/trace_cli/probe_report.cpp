// probe_report.cpp - the one file of this room that speaks nlohmann-json, which throws: on what it cannot encode.
#include "probe_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace postern::trace_cli {

namespace {

using probes::Rung;

std::string block(const Rung& rung, size_t width) {
  std::string text = fmt::format("{:<3}  {:<{}}  {}\n", rung.works ? "yes" : "no", rung.name, width, rung.gives);
  const std::string margin(width + 7, ' ');
  if (!rung.needs.empty()) text += fmt::format("{}needs {}\n", margin, rung.needs);
  if (!rung.why_not.empty()) text += fmt::format("{}{}\n", margin, rung.why_not);
  return text;
}

}  // namespace

std::string probe_text(std::span<const Rung> rungs, std::string_view build) {
  size_t width = 0;
  for (const Rung& rung : rungs) width = std::max(width, rung.name.size());
  std::string used, others;
  for (const Rung& rung : rungs) (rung.is_in_use ? used : others) += block(rung, width);
  return fmt::format("What a trace uses ({}):\n{}\nWhat it does not need:\n{}", build, used, others);
}

std::string probe_json(std::span<const Rung> rungs, std::string_view build) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Rung& rung : rungs) {
    list.push_back({{"name", rung.name},
                    {"works", rung.works},
                    {"used", rung.is_in_use},
                    {"gives", rung.gives},
                    {"needs", rung.needs},
                    {"why_not", rung.why_not}});
  }
  const Json all = {{"version", 1}, {"build", std::string(build)}, {"rungs", std::move(list)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace postern::trace_cli
