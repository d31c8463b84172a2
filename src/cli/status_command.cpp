// status_command.cpp - what a running postern does, in five lines or as one object.
#include "status_command.h"

#include "postern/base/log.h"

#include "control_reply.h"

namespace postern::cli {

namespace {

Result<std::string> status(const StatusOptions& options) {
  const auto client = api::ControlClient::find(options.instance);
  if (!client) return Failure(client.error());
  const auto status = client->ask(kStatusRequest);
  if (!status) return Failure(status.error());
  const auto counters = client->ask(kCountersRequest);
  if (!counters) return Failure(counters.error());
  return options.output == Output::json ? status_json(*status, *counters) : status_text(*status, *counters);
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
