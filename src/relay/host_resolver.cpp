#include "host_resolver.h"

#include <net/if.h>
#include <netinet/in.h>

#include <chrono>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/wire/resolv_conf.h"

namespace postern::relay {

namespace {

constexpr const char* kFile = "/etc/resolv.conf";

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

}  // namespace

std::optional<HostResolver::Server> HostResolver::server(int family, TimePoint now) {
  if (now >= look_again_) {
    look_again_ = now + std::chrono::seconds(1);
    struct stat file {};
    if (::stat(kFile, &file) == 0 && !is_same_file(file, seen_)) {
      seen_ = file;
      read();
    }
  }
  return family == AF_INET ? server4_ : server6_;
}

void HostResolver::read() {
  server4_.reset();
  server6_.reset();
  const std::string text = read_file(kFile).value_or("");
  for (const std::string& name : wire::name_servers(text)) {
    std::string_view rest = name;
    const auto address = parse_ip(take_until(rest, '%'));
    if (!address) continue;
    auto& server = std::holds_alternative<Ipv4>(*address) ? server4_ : server6_;
    if (!server) server = Server{*address, rest.empty() ? 0 : ::if_nametoindex(std::string(rest).c_str())};
  }
}

}  // namespace postern::relay
