// tracer.h - what a running relay sees, as events for the clients of the control socket.
//
//   relay ── Sighting ──► Tracer ── who wants it? ──► host socket ──► journey events ──► JSON ──► EventStream ──► client
//                                   filter, and the                   tap_in, engine or drop, host_socket;
//                                   answers of what it let through    host_socket, tap_out
//
// While no client asks for events, the relay has no witness.
#pragma once

#include <memory>
#include <vector>

#include "postern/api/event_stream.h"
#include "postern/api/instance.h"
#include "postern/base/result.h"
#include "postern/journey/event.h"
#include "postern/relay/relay.h"

namespace postern::api {

/// Where the relay's events are, as other observers name it.
struct Places {
  journey::NetworkNamespace guest, host;
  journey::Device tap;
  journey::Process self;
};

class Tracer final : private relay::Witness {
 public:
  static constexpr size_t kMostStreams = 4;

  /// The relay must outlive it.
  Tracer(relay::Relay& relay, Places places) : relay_(relay), places_(std::move(places)) {}
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  void set_guest(journey::NetworkNamespace guest, journey::Device tap);
  /// Events for `stream` as long as the object lives; tracer and stream must outlive it. Errors: EBUSY, there are kMostStreams.
  Result<std::unique_ptr<Tracing>> start(TraceWish wish, EventStream& stream);

 private:
  class Listener;
  void saw(const relay::Sighting& sighting, wire::Bytes start) override;
  void remove(Listener& listener);

  relay::Relay& relay_;
  Places places_;
  std::vector<Listener*> listeners_;
  uint64_t seen_ = 0;
};

}  // namespace postern::api
