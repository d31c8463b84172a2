// resolv_conf.h - the host's resolv.conf(5), read with suspicion: whoever runs the host's network wrote it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::wire {

/// The addresses of the nameserver lines, in order, as they stand there: a zone (fe80::1%eth0) stays on.
std::vector<std::string> name_servers(std::string_view resolv_conf_text);

}  // namespace postern::wire
