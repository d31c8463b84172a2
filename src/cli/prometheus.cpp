#include "prometheus.h"

#include <fmt/format.h>

#include "reply_json.h"

namespace postern::cli {

namespace {

struct Metric {
  const char* group;  // of the answer to `counters`; "": it stands there itself
  const char* key;
  const char* name;
  const char* labels;  // beyond those that all have, with a comma before them
  const char* help;    // of one name told once, with the first
};

constexpr const char* kOut = R"(,direction="to_host")";
constexpr const char* kIn = R"(,direction="to_guest")";

// Those of one name stand together: the format wants it.
constexpr Metric kCounters[] = {
    {"", "frames_from_guest", "postern_frames_from_guest_total", "", "Ethernet frames from the namespace."},
    {"", "frames_to_guest", "postern_frames_to_guest_total", "", "Ethernet frames to the namespace."},
    {"", "writes_lost", "postern_frames_lost_total", "", "Ethernet frames that the TAP did not take."},
    {"fast_tcp", "opened", "postern_tcp_opened_total", "", "TCP connections that the namespace began."},
    {"fast_tcp", "refused", "postern_tcp_refused_total", "", "Of those that the namespace began, refused by the host's network."},
    {"fast_tcp", "arrived", "postern_tcp_arrived_total", "", "TCP clients of published ports."},
    {"fast_tcp", "turned_away", "postern_tcp_turned_away_total", "", "Of the clients, refused by the namespace."},
    {"fast_tcp", "resets_to_guest", "postern_tcp_resets_total", kIn, "TCP resets between the relay and the namespace."},
    {"fast_tcp", "resets_from_guest", "postern_tcp_resets_total", R"(,direction="from_guest")", nullptr},
    {"fast_tcp", "sent_again", "postern_tcp_sent_again_total", "", "Stretches of bytes that were sent to the namespace again."},
    {"fast_tcp", "timeouts", "postern_tcp_timeouts_total", "", "Acknowledgments of the namespace that did not come in time."},
    {"fast_tcp", "out_of_order", "postern_tcp_out_of_order_total", "", "Segments of the namespace with a hole before them."},
    {"fast_tcp", "bytes_to_host", "postern_tcp_bytes_total", kOut, "Bytes that TCP connections carried."},
    {"fast_tcp", "bytes_to_guest", "postern_tcp_bytes_total", kIn, nullptr},
    {"fast_tcp", "dropped_at_limit", "postern_tcp_dropped_at_limit_total", "", "TCP connections that there was no room for."},
    {"fast_datagrams", "opened", "postern_datagram_flows_opened_total", "", "UDP and ICMP flows that the namespace began."},
    {"fast_datagrams", "to_host", "postern_datagrams_total", kOut, "UDP and ICMP datagrams that were carried."},
    {"fast_datagrams", "to_guest", "postern_datagrams_total", kIn, nullptr},
    {"fast_datagrams", "bytes_to_host", "postern_datagram_bytes_total", kOut,
     "Bytes in UDP and ICMP datagrams that were carried."},
    {"fast_datagrams", "bytes_to_guest", "postern_datagram_bytes_total", kIn, nullptr},
    {"fast_datagrams", "filtered", "postern_datagrams_filtered_total", "", "Datagrams of strangers."},
    {"fast_datagrams", "reports_to_guest", "postern_datagram_errors_reported_total", "", "ICMP errors to the namespace."},
    {"fast_datagrams", "evicted", "postern_datagram_flows_evicted_total", "", "Datagram flows that made room for others."},
    {"fast_datagrams", "lost", "postern_datagrams_lost_total", "", "Datagrams that the host did not take."},
    {"fast_datagrams", "dropped_at_limit", "postern_datagrams_dropped_at_limit_total", "",
     "Datagrams that there was no flow for."},
    {"spliced", "opened", "postern_spliced_opened_total", "", "Clients on the host's loopback that were spliced."},
    {"spliced", "refused", "postern_spliced_refused_total", "", "Of them, refused by the namespace."},
    {"spliced", "bytes_to_client", "postern_spliced_bytes_total", kOut, "Bytes that were spliced."},
    {"spliced", "bytes_to_guest", "postern_spliced_bytes_total", kIn, nullptr},
    {"dns", "queries", "postern_dns_queries_total", "", "DNS queries of the namespace."},
    {"dns", "answered", "postern_dns_answered_total", R"(,by="nameserver")", "DNS queries that were answered."},
    {"dns", "answered_here", "postern_dns_answered_total", R"(,by="postern")", nullptr},
    {"dns", "refused", "postern_dns_refused_total", "", "DNS queries that were refused."},
    {"dns", "timed_out", "postern_dns_timed_out_total", "", "DNS queries that no nameserver answered."},
    {"dns", "evicted", "postern_dns_evicted_total", "", "DNS queries that made room for others."},
    {"dns", "malformed", "postern_dns_malformed_total", "", "DNS queries that could not be read."},
    {"dns", "failed_over", "postern_dns_failed_over_total", "", "Changes to another nameserver."},
    {"dns", "asked_again", "postern_dns_asked_again_total", "", "DNS queries that were sent again."},
    {"dns", "strange_answers", "postern_dns_strange_answers_total", "", "Answers to no query, or by nobody who was asked."},
};

class Exposition {
 public:
  explicit Exposition(std::string labels) : labels_(std::move(labels)) {}

  void begin(const char* name, const char* type, const char* help) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    named_ = name;
  }
  void add(const char* name, std::string_view more_labels, uint64_t value) {
    text_ += fmt::format("{}{{{}{}}} {}\n", name, labels_, more_labels, value);
  }
  bool has_named(std::string_view name) const { return named_ == name; }
  std::string take() { return std::move(text_); }

 private:
  std::string labels_, text_;
  std::string named_;
};

/// "fast, with libslirp 4.7.0": the first word is the engine.
std::string engine_label(const std::string& engine) { return engine.substr(0, engine.find_first_of(", ")); }

void add_status(Exposition& page, const Json& status) {
  const auto gauge = [&](const char* name, uint64_t value, const char* help) {
    page.begin(name, "gauge", help);
    page.add(name, "", value);
  };
  page.begin("postern_info", "gauge", "What runs; always 1.");
  page.add("postern_info",
           fmt::format(R"(,version="{}",engines="{}")", prometheus_label(status.at("version").get<std::string>()),
                       prometheus_label(status.at("engine").get<std::string>())),
           1);
  gauge("postern_uptime_seconds", status.at("uptime_seconds"), "Seconds since it began.");
  gauge("postern_flows", status.at("flows").at("open"), "Connections that are open.");
  gauge("postern_flows_limit", status.at("flows").at("limit"), "Connections that may be open at once.");
  gauge("postern_published_ports", status.at("forwards"), "Ports of the host that lead into the namespace.");
}

void add_counter(Exposition& page, const Metric& metric, const Json& counters) {
  const bool has_group = *metric.group == '\0' || counters.contains(metric.group);
  if (!has_group) return;
  const Json& group = *metric.group == '\0' ? counters : counters.at(metric.group);
  if (!group.contains(metric.key)) return;
  if (metric.help) page.begin(metric.name, "counter", metric.help);
  if (page.has_named(metric.name)) page.add(metric.name, metric.labels, group.at(metric.key));
}

void add_drops(Exposition& page, const Json& drops) {
  constexpr const char* kName = "postern_drops_total";
  page.begin(kName, "counter", "Frames of the namespace that were dropped, by reason.");
  for (const auto& [reason, count] : drops.items())
    page.add(kName, fmt::format(R"(,reason="{}")", prometheus_label(reason)), count);
}

}  // namespace

std::string prometheus_label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\n') {
      escaped += "\\n";
    } else if (c == '\\' || c == '"') {
      escaped.append({'\\', c});
    } else {
      escaped += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    }
  }
  return escaped;
}

Result<std::string> status_prometheus(std::string_view status, std::string_view counters) {
  auto page = read(status, [](const Json& told) {
    const auto engine = engine_label(told.at("engine").get<std::string>());
    Exposition begun(fmt::format(R"(pid="{}",engine="{}")", told.at("pid").get<uint64_t>(), prometheus_label(engine)));
    add_status(begun, told);
    return begun;
  });
  if (!page) return Failure(page.error());
  const auto counted = read(counters, [&](const Json& told) {
    for (const Metric& metric : kCounters) add_counter(*page, metric, told);
    add_drops(*page, told.at("drops"));
    return true;
  });
  if (!counted) return Failure(counted.error());
  return page->take();
}

}  // namespace postern::cli
