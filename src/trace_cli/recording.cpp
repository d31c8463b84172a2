#include "recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "postern/base/text.h"
#include "postern/journey/event_json.h"
#include "postern/journey/journey.h"

namespace postern::trace_cli {

namespace {

constexpr std::string_view kRecord = "{\"record\":";

/// The number behind `key` in a line that we have written.
std::optional<uint64_t> number_behind(std::string_view key, std::string_view line) {
  const size_t at = line.find(key);
  if (at == line.npos) return std::nullopt;
  line.remove_prefix(at + key.size());
  return whole_number<uint64_t>(line.substr(0, line.find_first_of(",}")));
}

Result<Anchor> anchor_in(std::string_view line) {
  if (number_behind(kRecord, line) != 1) return fail("the record is of a later Postern's kind");
  const auto realtime = number_behind("\"realtime_ns\":", line), monotonic = number_behind("\"monotonic_ns\":", line);
  if (!realtime || !monotonic) return fail("the record does not say when it began");
  return Anchor{.realtime_ns = *realtime, .monotonic_ns = *monotonic};
}

/// "{"lost":12}"
std::optional<uint64_t> lost_in(std::string_view line) {
  constexpr std::string_view kBegin = "{\"lost\":";
  if (!line.starts_with(kBegin) || !line.ends_with('}')) return std::nullopt;
  return whole_number<uint64_t>(line.substr(kBegin.size(), line.size() - kBegin.size() - 1));
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// The lines of a file, one at a time: a record may be longer than memory is worth.
class LineReader {
 public:
  explicit LineReader(std::FILE* file) : file_(file) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader() { std::free(line_); }
  std::optional<std::string_view> next() {
    const ssize_t size = ::getline(&line_, &room_, file_.get());
    if (size < 0) return std::nullopt;
    return trim(std::string_view(line_, static_cast<size_t>(size)));
  }
  bool failed() const { return std::ferror(file_.get()) != 0; }

 private:
  std::unique_ptr<std::FILE, CloseFile> file_;
  char* line_ = nullptr;
  size_t room_ = 0;
};

}  // namespace

std::string record_line(const Anchor& anchor) {
  return fmt::format("{}1,\"realtime_ns\":{},\"monotonic_ns\":{}}}", kRecord, anchor.realtime_ns, anchor.monotonic_ns);
}

Result<Recording> read_recording(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return fail_errno("read", path);
  LineReader lines(file);
  Recording recording;
  size_t number = 0;
  while (const auto line = lines.next()) {
    ++number;
    if (line->empty()) continue;
    if (line->starts_with(kRecord)) {
      const auto anchor = anchor_in(*line);
      if (!anchor) return within(fmt::format("{}:{}", path, number), anchor.error());
      if (!recording.anchor) recording.anchor = *anchor;
      continue;
    }
    if (const auto lost = lost_in(*line)) {
      recording.lost += *lost;
      continue;
    }
    auto event = journey::event_from_json(*line);
    if (!event) return within(fmt::format("{}:{}", path, number), event.error());
    recording.events.push_back(*std::move(event));
  }
  if (lines.failed()) return fail_errno("read", path);
  if (recording.events.empty())
    return fail(fmt::format("{}: there is no event in it (postern trace --record makes such files)", path));
  return recording;
}

std::vector<journey::Event> select(std::vector<journey::Event> events, const packet_filter::Filter& filter) {
  if (filter.text().empty()) return events;
  journey::Journeys grouping;
  for (journey::Event& event : events) grouping.add(std::move(event));
  std::vector<journey::Journey> journeys = grouping.take();
  const auto matches = [&](const journey::Hop& hop) {
    return hop.event.packet && filter.matches(journey::facts_of(*hop.event.packet));
  };
  std::vector<bool> wanted(journeys.size());
  for (size_t i = 0; i < journeys.size(); ++i) {
    wanted[i] = std::any_of(journeys[i].hops.begin(), journeys[i].hops.end(), matches);
  }
  for (size_t i = 0; i < journeys.size(); ++i) {  // an answer stands behind what it answers
    if (!journeys[i].answers) continue;
    const size_t question = *journeys[i].answers;
    if (wanted[question]) wanted[i] = true;
    if (wanted[i]) wanted[question] = true;
  }
  std::vector<journey::Event> selected;
  for (size_t i = 0; i < journeys.size(); ++i) {
    if (!wanted[i]) continue;
    for (journey::Hop& hop : journeys[i].hops) selected.push_back(std::move(hop.event));
  }
  const auto by_time = [](const journey::Event& one, const journey::Event& other) { return one.time_ns < other.time_ns; };
  std::stable_sort(selected.begin(), selected.end(), by_time);
  return selected;
}

}  // namespace postern::trace_cli
