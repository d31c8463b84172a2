// named_files.h - whether the files of a command line are as many as were named: what is written would take the place of what is
// read, or of what else is written.
#pragma once

#include "postern/base/result.h"

#include "options.h"

namespace postern::trace_cli {

/// By what the names lead to, not by how they are spelt. Errors: two are one file.
Status check_files_differ(const TraceOptions& options);

}  // namespace postern::trace_cli
