// status_command.cpp - what a running postern does, in some lines, as one object or as metrics.
#include "status_command.h"

#include "postern/base/log.h"

#include "control_reply.h"
#include "prometheus.h"

namespace postern::cli {

namespace {

Result<std::string> status(const StatusOptions& options) {
  const auto client = api::ControlClient::find(options.instance);
  if (!client) return Failure(client.error());
  const auto status = client->ask(kStatusRequest);
  if (!status) return Failure(status.error());
  const auto counters = client->ask(kCountersRequest);
  if (!counters) return Failure(counters.error());
  switch (options.format) {
    case StatusOptions::Format::text: return status_text(*status, *counters);
    case StatusOptions::Format::json: return status_json(*status, *counters);
    case StatusOptions::Format::prometheus: return status_prometheus(*status, *counters);
  }
  return fail("no such format");
}

}  // namespace

int status_command(const StatusOptions& options) {
  const auto text = status(options);
  if (!text) {
    log::error("{}", text.error().message());
    return kFailure;
  }
  return answer(*text);
}

}  // namespace postern::cli
