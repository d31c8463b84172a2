#include "commands.h"

#include <fmt/format.h>

#include "postern/api/running.h"
#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/base/private_file.h"
#include "postern/bridge/endpoint_names.h"
#include "postern/inspect/inspect.h"
#include "postern/inspect/report.h"
#include "postern/page/host_page.h"

namespace postern::inspect_cli {

namespace {

using command::answer, command::kFailure;
using Output = InspectOptions::Output;

int failed(const Error& error) {
  log::error("inspect: {}", error.message());
  return kFailure;
}

Result<netns::Census> named_census() {
  auto census = netns::take_census();
  if (!census) return census;
  if (const auto names = bridge::endpoint_names()) {
    netns::add_names(*census, *names);
  } else {
    log::warning("inspect: {}", names.error().message());
  }
  netns::add_names(*census, api::guest_names());
  return census;
}

/// What is wanted may be another user's: the way to see it then.
Error with_remedy(Error error, const std::string& target) {
  const bool forbidden = error.is(std::errc::permission_denied) || error.is(std::errc::operation_not_permitted);
  if (!forbidden) return error;
  error.context += fmt::format(
      " ({} is not yours: root sees it, with CAP_SYS_ADMIN and CAP_SYS_PTRACE; without, name a process of your own, as those of "
      "`postern run`)",
      target);
  return error;
}

int tell_one(const netns::Census& census, const InspectOptions& options) {
  const auto handle = netns::find_namespace(api::whom_it_serves(options.target), census);
  if (!handle) return failed(with_remedy(handle.error(), options.target));
  const auto view = inspect::inspect_namespace(*handle, census);
  if (!view) return failed(with_remedy(view.error(), options.target));
  return answer(options.output == Output::json ? inspect::namespace_json(*view) : inspect::namespace_text(*view));
}

Status write_page(const std::string& path, std::string_view page) {
  const auto file = replace_private_file(path);
  if (!file) return within("--html", file.error());
  return write_all(file->get(), page, path);
}

int tell_all(const netns::Census& census, const InspectOptions& options) {
  const inspect::HostView host = inspect::inspect_host(census);
  if (options.page_file == "-") return answer(page::host_page(host));
  if (!options.page_file) return answer(options.output == Output::json ? inspect::host_json(host) : inspect::host_text(host));
  const Status written = write_page(*options.page_file, page::host_page(host));
  return written ? 0 : failed(written.error());
}

}  // namespace

int run(const InspectOptions& options) {
  const auto census = named_census();
  if (!census) return failed(census.error());
  return options.scope == InspectOptions::Scope::one ? tell_one(*census, options) : tell_all(*census, options);
}

}  // namespace postern::inspect_cli
