// loopback_proxy.h - published ports of bridge mode at 127.0.0.1 and ::1: one process for all ports of all containers.
//
//   client ── 127.0.0.1:8080 ── nftables, output: redirect ──► 127.0.0.1:PORT4 ══ Splicer ══ 10.209.0.2:80
//                                    SO_ORIGINAL_DST says 8080, the file `ports` says where that leads
//
// nftables alone cannot lead it there: the kernel lets no packet from 127.0.0.1 leave the loopback, and none to ::1 at all. UDP
// has no redirect that would tell the port, so each published UDP port has a socket here.
#pragma once

#include <memory>
#include <string>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/loop/event_loop.h"

namespace postern::forward {

/// Where nftables redirects to.
struct ProxyPorts {
  Port ipv4;
  Port ipv6;  // 0 where the host has no ::1
};

class LoopbackProxy {
 public:
  /// `ports_file` is an absolute path into a folder that exists; the file may come later. It is replaced by rename(2) before
  /// anybody is led here for its ports. Raises the limit of open files. The loop must outlive this. In the host's network
  /// namespace, before the sandbox. Errors: 127.0.0.1 cannot be listened on, inotify_add_watch(2)'s.
  static Result<std::unique_ptr<LoopbackProxy>> create(loop::EventLoop& loop, std::string ports_file);
  LoopbackProxy(const LoopbackProxy&) = delete;
  LoopbackProxy& operator=(const LoopbackProxy&) = delete;
  /// Connections that are open are reset.
  ~LoopbackProxy();

  ProxyPorts ports() const;

 private:
  struct Parts;
  explicit LoopbackProxy(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// A program's life: makes the proxy, locks the process up, writes "PORT4 PORT6\n" to `ready_fd` (which is its to close) and
/// serves until SIGTERM or SIGINT. Returns the exit status; what went wrong is logged.
int run_loopback_proxy(const std::string& ports_file, int ready_fd);

}  // namespace postern::forward
