// host_page.h - all network namespaces of a host and the wires between them, as a page to look at: `postern inspect --html`.
#pragma once

#include <string>

#include "postern/inspect/host_view.h"

namespace postern::page {

/// A whole HTML document that refers to nothing outside. The same view makes the same page, byte for byte. Names and texts in it
/// may be anything.
std::string host_page(const inspect::HostView& host);

}  // namespace postern::page
