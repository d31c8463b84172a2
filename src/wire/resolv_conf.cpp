#include "postern/wire/resolv_conf.h"

#include "postern/base/text.h"

namespace postern::wire {

std::vector<std::string> name_servers(std::string_view resolv_conf_text) {
  std::vector<std::string> servers;
  while (!resolv_conf_text.empty()) {
    std::string_view line = take_line(resolv_conf_text);
    if (take_word(line) != "nameserver") continue;
    const std::string_view address = take_word(line);
    if (!address.empty()) servers.emplace_back(address);
  }
  return servers;
}

}  // namespace postern::wire
