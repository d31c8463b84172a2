// fake_instance.h - an instance that remembers what it was asked, and fails where it is told to.
#pragma once

#include "postern/api/instance.h"

namespace postern::api::test {

class FakeInstance final : public Instance {
 public:
  Result<forward::Published> add_forward(const forward::PortRequest& request) override {
    if (refusal) return Failure(*refusal);
    const Port host_port = request.host_port.number == 0 ? Port{31'000} : request.host_port;
    const bool ipv6 = std::holds_alternative<Ipv6>(request.host_address);
    const IpAddress own = ipv6 ? IpAddress(*Ipv6::parse("fd00::100")) : IpAddress(Ipv4::of(10, 0, 2, 100));
    published.push_back(
        {++last_id,
         {request.protocol, request.host_address, host_port, request.guest_address.value_or(own), request.guest_port}});
    return published.back();
  }
  Status remove_forward(forward::ForwardId id, forward::OpenConnections open) override {
    if (refusal) return Failure(*refusal);
    last_open = open;
    const size_t before = published.size();
    std::erase_if(published, [id](const forward::Published& one) { return one.id == id; });
    return published.size() < before ? Status() : fail(std::errc::no_such_file_or_directory, "no such id");
  }
  std::vector<forward::Published> forwards() const override { return published; }
  InstanceStatus status() const override {
    InstanceStatus status;
    status.version = "1.2.3";
    status.pid = 4711;
    status.engine = "libslirp 4.7.0";
    status.tap = {netns::TapFraming::vnet, netns::Offload::tcp4};
    status.uptime = std::chrono::seconds(5);
    status.guest6 = Ipv6::parse("fd00::100");
    status.names = names;
    return status;
  }
  InstanceCounters counters() const override {
    InstanceCounters counters;
    counters.frames.frames_from_guest = 7;
    counters.drops.count(relay::Drop::martian_source);
    counters.engine = flow::TcpEngine::Counters{.opened = 3};
    counters.spliced = spliced;
    counters.datagrams = datagrams;
    if (names) counters.names = names->counters;
    return counters;
  }
  stack::Flows flows(size_t) const override { return listed; }
  Result<std::unique_ptr<Tracing>> start_trace(TraceWish wish, EventStream& stream) override {
    if (refusal) return Failure(*refusal);
    traced = wish.filter.text();
    followed = wish.follow;
    traced_to = &stream;
    return std::make_unique<Tracing>();
  }

  std::vector<forward::Published> published;
  forward::OpenConnections last_open = forward::OpenConnections::go_on;
  forward::ForwardId last_id = 0;
  std::optional<Error> refusal;
  std::optional<std::string> traced;
  std::optional<journey::Following::Extent> followed;
  EventStream* traced_to = nullptr;
  stack::Flows listed;
  std::optional<relay::NameServiceState> names;
  std::optional<forward::Splicer::Counters> spliced;
  std::optional<flow::DatagramEngine::Counters> datagrams;
};

}  // namespace postern::api::test
