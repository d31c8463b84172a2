#include "postern/api/tracer.h"

#include <algorithm>

#include "postern/journey/event_json.h"
#include "postern/journey/following.h"

#include "sighting_events.h"

namespace postern::api {

namespace {

journey::Endpoint to_endpoint(const stack::Endpoint& end) { return {end.address, end.port}; }

}  // namespace

/// One client.
class Tracer::Listener final : public Tracing {
 public:
  Listener(Tracer& tracer, TraceWish wish, EventStream& stream)
      : tracer_(tracer), following_(std::move(wish.filter), wish.follow), stream_(stream) {}
  ~Listener() override { tracer_.remove(*this); }

  /// What is no IP packet is meant by a filter that means everything.
  bool wants(const ShownFrame& frame) {
    return frame.packet ? following_.takes(*frame.packet) : following_.filter().matches(pf_facts{});
  }
  EventStream& stream() { return stream_; }

 private:
  Tracer& tracer_;
  journey::Following following_;
  EventStream& stream_;
};

Tracer::~Tracer() {
  if (!listeners_.empty()) relay_.set_witness(nullptr);
}

void Tracer::set_guest(journey::NetworkNamespace guest, journey::Device tap) {
  places_.guest = std::move(guest);
  places_.tap = std::move(tap);
}

Result<std::unique_ptr<Tracing>> Tracer::start(TraceWish wish, EventStream& stream) {
  if (listeners_.size() >= kMostStreams) return fail(std::errc::device_or_resource_busy, "as many traces run as may");
  auto listener = std::make_unique<Listener>(*this, std::move(wish), stream);
  listeners_.push_back(listener.get());
  relay_.set_witness(this);
  return listener;
}

void Tracer::remove(Listener& listener) {
  std::erase(listeners_, &listener);
  if (listeners_.empty()) relay_.set_witness(nullptr);
}

void Tracer::saw(const relay::Sighting& sighting, wire::Bytes start) {
  const ShownFrame frame = ShownFrame::read(start);
  std::vector<Listener*> wanting;
  std::ranges::copy_if(listeners_, std::back_inserter(wanting), [&](Listener* each) { return each->wants(frame); });
  if (wanting.empty()) return;
  std::optional<journey::Mapping> mapping;
  const bool is_carried = sighting.fate == relay::Sighting::Fate::carried;
  const auto flow = is_carried && frame.packet ? flow_of(*frame.packet, sighting.way) : std::nullopt;
  if (const auto socket = flow ? relay_.host_socket(*flow) : std::nullopt) {
    mapping = journey::Mapping{.local = to_endpoint(socket->local), .remote = to_endpoint(socket->remote)};
  }
  constexpr unsigned kPidShift = 40;  // other relays count from elsewhere
  const uint64_t identity = static_cast<uint64_t>(places_.self.pid) << kPidShift | ++seen_;
  for (const journey::Event& event : events_of(sighting, frame, mapping, places_, identity)) {
    std::string line;  // costs more than all the rest: made only for somebody who takes it
    for (Listener* each : wanting) {
      if (each->stream().is_behind()) {
        each->stream().lose();
        continue;
      }
      if (line.empty()) line = journey::to_json(event, journey::Captured::kept);
      each->stream().push(line);
    }
  }
}

}  // namespace postern::api
