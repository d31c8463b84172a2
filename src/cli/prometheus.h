// prometheus.h - what a running postern does, in Prometheus's text exposition format 0.0.4: for a scrape, or for a file that the
// node exporter's textfile collector reads. https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <string>
#include <string_view>

#include "postern/base/result.h"

namespace postern::cli {

/// Of the answers to `status` and `counters`. What an answer does not have is left out; what it has beyond our table is not told.
Result<std::string> status_prometheus(std::string_view status, std::string_view counters);

/// A label's value between its quotes: \, " and the end of a line are written with a \ before them.
std::string prometheus_label(std::string_view value);

}  // namespace postern::cli
