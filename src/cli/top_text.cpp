#include "top_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace postern::cli {

namespace {

constexpr size_t kGap = 2;  // between columns
constexpr size_t kColumns = 12;
using Cells = std::array<std::string, kColumns>;

struct Column {
  const char* title;
  bool to_the_right;
  int dispensable;  // where the width is too small, the greatest goes first; 0: never
};
constexpr std::array<Column, kColumns> kTable = {{{"PROTO", false, 0},
                                                  {"STATE", false, 4},
                                                  {"NAMESPACE", false, 0},
                                                  {"", false, 0},  // which of the two began
                                                  {"REMOTE", false, 0},
                                                  {"HOST", false, 3},
                                                  {"UP/S", true, 0},
                                                  {"DOWN/S", true, 0},
                                                  {"UP", true, 2},
                                                  {"DOWN", true, 2},
                                                  {"RTT", true, 1},
                                                  {"AGE", true, 5}}};

std::string text(const SeenEnd& end) {
  if (end.address.empty()) return end.port ? fmt::format("?:{}", *end.port) : "?";
  if (!end.port) return end.address;
  const bool v6 = end.address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", end.address, *end.port) : fmt::format("{}:{}", end.address, *end.port);
}

std::string rate_text(const std::optional<double>& rate) { return rate ? bytes_text(*rate) + "/s" : "-"; }

Cells cells_of(const SeenFlow& flow, const Rates& rates) {
  const auto total = [](const std::optional<uint64_t>& bytes) {
    return bytes ? bytes_text(static_cast<double>(*bytes)) : std::string("-");
  };
  return {flow.protocol,
          flow.state.empty() ? "-" : flow.state,
          text(flow.guest),
          flow.is_inbound ? "<-" : "->",
          text(flow.remote),
          text(flow.host),
          rate_text(rates.to_remote),
          rate_text(rates.to_guest),
          total(flow.carried_to_remote),
          total(flow.carried_to_guest),
          flow.rtt_remote ? time_text(*flow.rtt_remote) : "-",
          flow.age ? duration_text(std::chrono::duration_cast<std::chrono::seconds>(*flow.age)) : "-"};
}

using Widths = std::array<size_t, kColumns>;  // 0: the column is left out

size_t sum(const Widths& widths) {
  size_t all = 0;
  for (const size_t width : widths) all += width == 0 ? 0 : width + kGap;
  return all - std::min(all, kGap);
}

Widths widths_of(const std::vector<Cells>& rows, size_t room) {
  Widths widths{};
  for (const Cells& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (int dispensable = 5; room != 0 && dispensable > 0 && sum(widths) > room; --dispensable) {
    for (size_t i = 0; i < kColumns; ++i) {
      if (kTable[i].dispensable == dispensable) widths[i] = 0;
    }
  }
  return widths;
}

std::string line_of(const Cells& row, const Widths& widths) {
  std::string line;
  for (size_t i = 0; i < kColumns; ++i) {
    if (widths[i] == 0) continue;
    if (!line.empty()) line.append(kGap, ' ');
    line += kTable[i].to_the_right ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string drops_text(const Change& change) {
  std::string text = "dropped   ";
  const char* separator = "";
  for (const auto& [reason, count] : change.drops) {
    text += fmt::format("{}{} {}{}", separator, reason, change.seconds ? "+" : "", count);
    separator = ", ";
  }
  if (change.drops.empty()) text += change.seconds ? "nothing new" : "nothing";
  return text;
}

std::vector<std::string> head(const Watched& watched, const Sample& now, const Change& change) {
  const auto uptime = watched.uptime + std::chrono::duration_cast<std::chrono::seconds>(now.taken - watched.asked_at);
  const auto frames = [](uint64_t count, const std::optional<double>& rate) {
    return rate ? fmt::format("{:.0f}/s", *rate) : fmt::format("{}", count);
  };
  std::vector<std::string> lines = {
      fmt::format("postern   {}, PID {}, {}, up {}", watched.version, watched.pid, watched.engine, duration_text(uptime)),
      fmt::format("frames    {} from the namespace, {} to it", frames(now.frames_from_guest, change.frames_from_guest),
                  frames(now.frames_to_guest, change.frames_to_guest))};
  if (change.seconds) {
    lines.push_back(fmt::format("bytes     {} from the namespace, {} to it", rate_text(change.whole.to_remote),
                                rate_text(change.whole.to_guest)));
  } else if (now.bytes_to_remote && now.bytes_to_guest) {
    lines.push_back(fmt::format("bytes     {} from the namespace, {} to it",
                                bytes_text(static_cast<double>(*now.bytes_to_remote)),
                                bytes_text(static_cast<double>(*now.bytes_to_guest))));
  }
  lines.push_back(drops_text(change));
  lines.push_back(fmt::format("flows     {} of {}", now.total_flows, watched.flow_limit));
  return lines;
}

/// As many flows as there are lines for, and where some are left, a line that says so.
size_t rows_for(size_t flows, uint64_t total, size_t used, size_t lines) {
  if (lines == 0 || (flows == total && used + flows <= lines)) return flows;
  return std::min(flows, lines - std::min(lines, used + 1));
}

}  // namespace

std::vector<std::string> top_lines(const Watched& watched, const Sample& now, const Change& change,
                                   const std::vector<size_t>& order, const Room& room) {
  std::vector<std::string> lines = head(watched, now, change);
  const size_t shown = rows_for(order.size(), now.total_flows, lines.size() + 2, room.lines);
  std::vector<Cells> table(1);
  for (size_t i = 0; i < kColumns; ++i) table[0][i] = kTable[i].title;
  for (size_t i = 0; i < shown; ++i) table.push_back(cells_of(now.flows[order[i]], change.flows[order[i]]));
  const Widths widths = widths_of(table, room.columns);
  lines.emplace_back();
  for (const Cells& row : table) lines.push_back(line_of(row, widths));
  if (now.total_flows > shown) lines.push_back(fmt::format("and {} more", now.total_flows - shown));
  if (room.lines != 0 && lines.size() > room.lines) lines.resize(room.lines);
  for (std::string& line : lines) {
    if (room.columns == 0 || line.size() <= room.columns) continue;
    line.resize(room.columns);
    line.back() = '~';
  }
  return lines;
}

std::string bytes_text(double bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 999.5) return fmt::format("{:.0f} B", bytes);
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, bytes < 9.995 ? 2 : bytes < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string time_text(std::chrono::microseconds time) {
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  if (milliseconds >= 999.5) return fmt::format("{:.2f} s", milliseconds / 1000);
  return fmt::format("{:.{}f} ms", milliseconds, milliseconds < 9.995 ? 2 : milliseconds < 99.95 ? 1 : 0);
}

std::string duration_text(std::chrono::seconds time) {
  const auto seconds = std::max<int64_t>(time.count(), 0);
  const int64_t days = seconds / 86'400;
  const std::string clock = fmt::format("{}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return days == 0 ? clock : fmt::format("{} d {}", days, clock);
}

}  // namespace postern::cli
