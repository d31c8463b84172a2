// report.h - views for a person, and for a program. Pure.
#pragma once

#include <string>

#include "postern/inspect/host_view.h"
#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

/// One screen for a namespace of usual size. Without control characters, whatever the names are; ends with a newline.
std::string namespace_text(const NamespaceView& view);
/// The namespaces with their devices, and where these lead.
std::string host_text(const HostView& host);

/// The shapes are a promise: README.md of the room inspect_cli. Each ends with a newline.
std::string namespace_json(const NamespaceView& view);
std::string host_json(const HostView& host);

}  // namespace postern::inspect
