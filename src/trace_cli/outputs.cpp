#include "outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "postern/base/log.h"
#include "postern/journey/event_json.h"
#include "postern/journey/text.h"
#include "postern/page/journey_page.h"

#include "journey_batches.h"
#include "pcap_output.h"
#include "recording.h"
#include "text_sink.h"

namespace postern::trace_cli {

namespace {

using journey::Captured, journey::Event;

constexpr size_t kMostDrawn = 100'000;
constexpr std::string_view kStandardOutput = "-";

journey::Colour colour() {
  const char* refused = ::getenv("NO_COLOR");  // no-color.org
  const bool wanted = ::isatty(STDOUT_FILENO) && !(refused && *refused);
  return wanted ? journey::Colour::terminal : journey::Colour::none;
}

class Lines final : public Output {
 public:
  Status take(const Event& event) override {
    std::string text;
    if (began_ns_ == 0) {
      began_ns_ = event.time_ns;
      text = journey::header_line() + "\n";
    }
    return sink_.write(text + journey::event_line(event, began_ns_, colour_) + "\n");
  }
  Status rest(uint64_t) override { return sink_.flush(); }
  Status finish(uint64_t) override { return sink_.flush(); }

 private:
  TextSink sink_ = TextSink::standard_output();
  journey::Colour colour_ = colour();
  uint64_t began_ns_ = 0;
};

/// Both --json and --record.
class JsonLines final : public Output {
 public:
  JsonLines(TextSink sink, Captured captured) : sink_(std::move(sink)), captured_(captured) {}
  Status take(const Event& event) override { return sink_.write(journey::to_json(event, captured_) + "\n"); }
  Status rest(uint64_t) override { return sink_.flush(); }
  Status finish(uint64_t lost) override {
    if (lost > 0) {
      if (Status told = sink_.write(fmt::format("{{\"lost\":{}}}\n", lost)); !told) return told;
    }
    return sink_.flush();
  }

 private:
  TextSink sink_;
  Captured captured_;
};

class Blocks final : public Output {
 public:
  Status take(const Event& event) override {
    batches_.add(event);
    return {};
  }
  Status rest(uint64_t now_ns) override {
    constexpr uint64_t rest = std::chrono::nanoseconds(JourneyBatches::kRest).count();
    return show(batches_.take_settled(now_ns > rest ? now_ns - rest : 0));
  }
  Status finish(uint64_t) override { return show(batches_.take_all()); }

 private:
  Status show(const JourneyBatches::Batch& batch) {
    if (batch.journeys.empty()) return {};
    if (Status shown = sink_.write(journey::journeys_text(batch.journeys, colour_, batch.first)); !shown) return shown;
    return sink_.flush();
  }

  TextSink sink_ = TextSink::standard_output();
  journey::Colour colour_ = colour();
  JourneyBatches batches_;
};

class Page final : public Output {
 public:
  Page(TextSink sink, std::string filter, std::string recorded)
      : sink_(std::move(sink)), filter_(std::move(filter)), recorded_(std::move(recorded)) {}
  Status take(const Event& event) override {
    if (events_ < kMostDrawn) journeys_.add(event);
    ++events_;
    return {};
  }
  Status rest(uint64_t) override { return {}; }
  Status finish(uint64_t lost) override {
    if (events_ > kMostDrawn) log::warning("--html: only the first {} of {} events are drawn", kMostDrawn, events_);
    const page::PageInfo info{
        .title = "postern trace", .filter = filter_, .recorded = recorded_, .version = POSTERN_VERSION, .lost = lost};
    if (Status written = sink_.write(page::journey_page(journeys_.take(), info)); !written) return written;
    return sink_.flush();
  }

 private:
  TextSink sink_;
  std::string filter_, recorded_;
  journey::Journeys journeys_;
  size_t events_ = 0;
};

std::unique_ptr<Output> standard_output(Form form) {
  switch (form) {
    case Form::lines: return std::make_unique<Lines>();
    case Form::journeys: return std::make_unique<Blocks>();
    case Form::json: return std::make_unique<JsonLines>(TextSink::standard_output(), Captured::left_out);
  }
  return nullptr;
}

}  // namespace

Result<Outputs> Outputs::open(const TraceOptions& options, const std::optional<Anchor>& anchor) {
  Outputs outputs;
  if (options.html != kStandardOutput) outputs.add(standard_output(options.form));
  if (!options.record.empty()) {
    auto sink = TextSink::file(options.record);
    if (!sink) return Failure(within("--record", sink.error()));
    if (anchor) {
      if (Status begun = sink->write(record_line(*anchor) + "\n"); !begun) return Failure(begun.error());
    }
    outputs.add(std::make_unique<JsonLines>(*std::move(sink), Captured::kept));
  }
  if (!options.html.empty()) {
    auto sink = options.html == kStandardOutput ? TextSink::standard_output() : TextSink::file(options.html);
    if (!sink) return Failure(within("--html", sink.error()));
    outputs.add(std::make_unique<Page>(*std::move(sink), options.filter.text(), anchor ? calendar_text(*anchor) : ""));
  }
  if (!options.pcap.empty()) {
    auto pcap = open_pcap_output(options.pcap, anchor.value_or(Anchor::now()));
    if (!pcap) return Failure(within("--pcap", pcap.error()));
    outputs.add(*std::move(pcap));
  }
  return outputs;
}

void Outputs::take(const Event& event) {
  for (Kept& each : all_) {
    if (each.told) each.told = each.output->take(event);
  }
}

void Outputs::rest(uint64_t now_ns) {
  for (Kept& each : all_) {
    if (each.told) each.told = each.output->rest(now_ns);
  }
}

bool Outputs::are_whole() const {
  return std::all_of(all_.begin(), all_.end(), [](const Kept& each) { return each.told.has_value(); });
}

Status Outputs::finish(uint64_t lost) {
  Status worst;
  for (Kept& each : all_) {
    if (each.told) each.told = each.output->finish(lost);
    if (!each.told && (worst || worst.error().is(std::errc::broken_pipe))) worst = each.told;
  }
  return worst;
}

}  // namespace postern::trace_cli
