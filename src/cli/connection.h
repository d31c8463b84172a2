// connection.h - a namespace connected to the relay: what `run` and `attach` have in common.
#pragma once

#include <functional>
#include <memory>

#include "postern/forward/host_listeners.h"
#include "postern/forward/port_table.h"
#include "postern/forward/splicer.h"
#include "postern/loop/event_loop.h"
#include "postern/relay/host_addresses.h"
#include "postern/relay/link_watch.h"
#include "postern/relay/relay.h"
#include "postern/relay/tap_setup.h"

#include "host_network.h"

namespace postern::cli {

class Connection final : private forward::Clients {
 public:
  struct Events {
    std::function<void()> ready;                      // both families work, or IPv6 has taken too long, which was said
    std::function<void()> tap_gone;                   // somebody deleted the device
    std::function<Status()> before_first_frame = {};  // all is open that must be: the place for confine()
    std::chrono::milliseconds patience_for_ipv6{1000};
  };

  /// Listens on every published port before anything else: a port that cannot be had must stop us before we have begun.
  static Result<std::unique_ptr<Connection>> create(loop::EventLoop& loop, const VirtualNetwork& network,
                                                    const std::vector<forward::PortSpec>& publish);

  /// Who carries clients on the host's loopback past the TAP, where they are to be carried so. Before start(), and unconfined.
  /// Errors only where --publish-source was typed: else they come by the TAP, which a warning says.
  Status open_splicer(const netns::NamespaceHandle& target);
  /// Lets frames flow through `tap`. Before it says that it is ready it waits for the address inside that a router advertisement
  /// brings, where `awaited` says so; `tap` then has an address_watch.
  enum class Awaited { nothing, ipv6_address };
  Status start(relay::ConnectedTap tap, Awaited awaited, Events events);
  static Awaited awaited_behind(const relay::TapPlan& plan);

  relay::Relay& relay() { return *relay_; }
  const VirtualNetwork& network() const { return network_; }
  const forward::PortTable& ports() const { return ports_; }
  /// As the port table's, and the relay's filter learns of it.
  Result<forward::Published> add_forward(const forward::PortRequest& request);
  Status remove_forward(forward::ForwardId id, forward::OpenConnections open);

  /// Nothing: nobody is spliced, for there is no namespace to enter, or nobody wants it.
  const forward::Splicer* splicer() const { return splicer_ && splicer_->can_carry() ? splicer_.get() : nullptr; }
  /// What was spliced, also before the helper was lost.
  std::optional<forward::Splicer::Counters> spliced() const {
    return splicer_ ? std::optional(splicer_->counters()) : std::nullopt;
  }
  stack::Flows flows(size_t most) const;
  /// As --max-flows counts them.
  size_t used_flows() const { return flows(0).total + (splicer_ ? splicer_->open_connections() : 0); }
  /// What the relay still owes to the host, and the splicer to its clients: Relay::drain.
  Status drain(const relay::Relay::Patience& patience, const std::function<bool()>& give_up);

 private:
  Connection(loop::EventLoop& loop, const VirtualNetwork& network, std::unique_ptr<relay::Relay> relay);
  Status isolate_host();
  Status publish(const std::vector<forward::PortSpec>& specs);
  void lose_tap();
  Status watch_link(relay::ConnectedTap& tap);
  bool have_room() const override;
  void arrived(UniqueFd socket, const stack::Endpoint& client, const stack::Forward& forward) override;
  Status publish_udp(UniqueFd socket, const stack::Forward& forward) override {
    return relay_->publish_udp(std::move(socket), forward);
  }
  void unpublish_udp(const stack::Forward& forward) override { relay_->unpublish_udp(forward); }
  stack::Endpoint spliced_end(const stack::Forward& forward) const;
  void report_ready();

  loop::EventLoop& loop_;
  VirtualNetwork network_;
  std::unique_ptr<relay::Relay> relay_;
  std::unique_ptr<forward::Listeners> listeners_;
  forward::PortTable ports_;
  std::unique_ptr<forward::Splicer> splicer_;
  bool carries_ = false;  // there is a TAP
  Events events_;
  loop::EventLoop::Timer patience_;
  std::unique_ptr<relay::HostAddresses> host_addresses_;
  std::unique_ptr<relay::LinkWatch> link_watch_;
};

/// Writes "1" to the descriptor that --ready-fd named, and closes it.
void tell_ready(std::optional<int>& ready_fd);

/// The command that would mend the host, in parentheses, behind what failed.
std::string with_remedy(const Error& error);

}  // namespace postern::cli
