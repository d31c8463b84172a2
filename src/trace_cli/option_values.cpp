#include "option_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "postern/base/text.h"

namespace postern::trace_cli {

namespace {

constexpr uint64_t kMostSeconds = 366UL * 24 * 3600;

template <class... Args>
Failure wrong(std::string_view option, std::string_view value, fmt::format_string<Args...> why, Args&&... args) {
  return fail(fmt::format("{} {}: {}", option, value, fmt::format(why, std::forward<Args>(args)...)));
}

Result<packet_filter::Filter> parse_filter(const std::vector<std::string>& words) {
  const std::string text = fmt::format("{}", fmt::join(words, " "));
  auto parsed = packet_filter::Filter::parse(text);
  if (const auto* complaint = std::get_if<packet_filter::Complaint>(&parsed)) return fail(complaint->drawn(text));
  return std::get<packet_filter::Filter>(std::move(parsed));
}

Result<std::optional<uint64_t>> parse_number(std::string_view option, const std::string& text, uint64_t most) {
  if (text.empty()) return std::nullopt;
  const auto number = whole_number<uint64_t>(text);
  if (number && *number > 0 && *number <= most) return number;
  return wrong(option, text, "is not a whole number from 1 on");
}

Result<Follow> parse_follow(const std::string& text) {
  if (text.empty() || text == "connection") return Follow::connection;
  if (text == "packet") return Follow::packet;
  return wrong("--follow", text, "is neither connection nor packet");
}

Form form_of(const Typed& typed) {
  if (typed.json) return Form::json;
  return typed.journey ? Form::journeys : Form::lines;
}

/// A record says already where it was made, and for how long.
Status check_replay(const Typed& typed) {
  const auto excluded = [](std::string_view option) {
    return fail(fmt::format("--replay: {} has no meaning beside it", option));
  };
  if (!typed.namespaces.empty()) return excluded("--netns");
  if (!typed.limit.empty()) return excluded("--for");
  if (!typed.follow.empty()) return excluded("--follow");
  return {};
}

/// Standard output is what the trace shows, or the page, but no file of events or packets: of them one may read too little.
Status check_standard_output(const Typed& typed) {
  for (const auto& [option, text] : {std::pair("--record", &typed.record), std::pair("--pcap", &typed.pcap)}) {
    if (*text == "-") return wrong(option, *text, "it wants a file (./- is one of that name)");
  }
  if (typed.html == "-" && (typed.json || typed.journey))
    return fail("--html -: the page is what standard output shows then; without --json and --journey");
  return {};
}

Result<ProbeOptions> to_probe_options(const Typed& typed) {
  const std::string* texts[] = {&typed.count,  &typed.limit,  &typed.follow, &typed.html,
                                &typed.record, &typed.replay, &typed.pcap};
  const bool names_something = std::any_of(std::begin(texts), std::end(texts), [](const auto* text) { return !text->empty(); });
  if (names_something || typed.journey || !typed.filter.empty() || !typed.namespaces.empty()) {
    return fail("--probe: it traces nothing, and only --json may stand beside it");
  }
  return ProbeOptions{form_of(typed)};
}

Result<TraceOptions> to_trace_options(const Typed& typed) {
  auto filter = parse_filter(typed.filter);
  if (!filter) return Failure(filter.error());
  const auto count = parse_number("--count", typed.count, UINT64_MAX);
  if (!count) return Failure(count.error());
  const auto limit = parse_number("--for", typed.limit, kMostSeconds);
  if (!limit) return Failure(limit.error());
  const auto follow = parse_follow(typed.follow);
  if (!follow) return Failure(follow.error());
  if (typed.json && typed.journey) return fail("--json: --journey is another form of standard output; choose one");
  if (const Status good = check_standard_output(typed); !good) return Failure(good.error());
  if (!typed.replay.empty()) {
    if (const Status good = check_replay(typed); !good) return Failure(good.error());
  }
  TraceOptions options{.filter = *std::move(filter),
                       .namespaces = typed.namespaces,
                       .count = *count,
                       .limit = std::nullopt,
                       .follow = *follow,
                       .form = form_of(typed),
                       .html = typed.html,
                       .record = typed.record,
                       .replay = typed.replay,
                       .pcap = typed.pcap};
  if (*limit) options.limit = std::chrono::seconds(**limit);
  return options;
}

}  // namespace

Result<std::variant<TraceOptions, ProbeOptions>> to_options(const Typed& typed) {
  if (typed.probe) {
    auto options = to_probe_options(typed);
    if (!options) return Failure(options.error());
    return *options;
  }
  auto options = to_trace_options(typed);
  if (!options) return Failure(options.error());
  return *std::move(options);
}

}  // namespace postern::trace_cli
