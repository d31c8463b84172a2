// host_resolver.h - the host's resolv.conf(5), followed.
//
// It is looked at whenever somebody asks for a name, by stat(2): a microsecond beside a query's tens. inotify(7) would watch the
// inodes of one moment: /etc/resolv.conf is often a link, to a link, to a file that a program replaces, in a folder that comes
// only when that program starts; each of them would have to be watched, and watched anew, from behind a sandbox.
#pragma once

#include <sys/stat.h>

#include "postern/dns/name_server.h"

namespace postern::dns {

class HostResolver {
 public:
  /// `chosen`: these for good; the file is not looked at.
  explicit HostResolver(const std::vector<NameServer>& chosen = {}, std::string path = "/etc/resolv.conf");

  /// The choice as the file has it now. One that is missing is an empty one, as for a C library; one that cannot be read (no
  /// descriptor left, no permission) is looked at again the next time, and the choice stays.
  ServerChoice& look();
  /// As it was at the last look.
  const ServerChoice& choice() const { return choice_; }
  ServerChoice& choice() { return choice_; }

 private:
  std::string path_;
  bool follows_file_;
  ServerChoice choice_;
  struct stat seen_ {};
};

}  // namespace postern::dns
