// journey_page.cpp - the data of the page: an event as `--json` has it, and beside it what is not an event's but the journey's.
//
//   {"title","filter","recorded","version","lost","journeys":[{"end","duration_ns","answers","hops":[
//      {"event":{event_json.h},"transport","at_ns","since_previous_ns",
//       "translation":{"source":{"before":{"address","port"},"after"},"destination"}}]}]}
// at_ns counts from the first event of all: nanoseconds since the machine's start are more than JavaScript's numbers hold
// exactly.
#include "postern/page/journey_page.h"

#include <algorithm>

#include "postern/journey/event_json.h"
#include "postern/journey/text.h"

#include "json_island.h"
#include "template.h"

namespace postern::page {
namespace {

constexpr size_t kPlainJourneys = 50;  // without JavaScript

void write_endpoint(JsonIsland& json, std::string_view name, const journey::Endpoint& endpoint) {
  json.begin(name, '{');
  json.field("address", to_string(endpoint.address));
  if (endpoint.port.number != 0) json.field("port", endpoint.port.number);
  json.end('}');
}

void write_side(JsonIsland& json, std::string_view name, const journey::Endpoint& before, const journey::Endpoint& after) {
  json.begin(name, '{');
  write_endpoint(json, "before", before);
  write_endpoint(json, "after", after);
  json.end('}');
}

void write_translation(JsonIsland& json, const journey::Translation& change) {
  json.begin("translation", '{');
  if (change.source_changed) write_side(json, "source", change.source_before, change.source_after);
  if (change.destination_changed) write_side(json, "destination", change.destination_before, change.destination_after);
  json.end('}');
}

void write_hop(JsonIsland& json, const journey::Hop& hop, uint64_t began_ns) {
  json.begin('{');
  json.raw("event", fit_for_island(journey::to_json(hop.event, journey::Captured::left_out)));
  if (hop.event.packet) json.field("transport", journey::transport_text(*hop.event.packet));
  json.field("at_ns", hop.event.time_ns - std::min(began_ns, hop.event.time_ns));
  json.field("since_previous_ns", hop.since_previous_ns);
  if (hop.translation) write_translation(json, *hop.translation);
  json.end('}');
}

void write_journey(JsonIsland& json, const journey::Journey& journey, uint64_t began_ns) {
  json.begin('{');
  json.field("end", name(journey.end));
  json.field("duration_ns", journey.duration_ns);
  if (journey.answers) json.field("answers", *journey.answers);
  json.begin("hops", '[');
  for (const journey::Hop& hop : journey.hops) write_hop(json, hop, began_ns);
  json.end(']');
  json.end('}');
}

uint64_t beginning_of(std::span<const journey::Journey> journeys) {
  uint64_t began_ns = UINT64_MAX;
  for (const journey::Journey& journey : journeys) {
    for (const journey::Hop& hop : journey.hops) began_ns = std::min(began_ns, hop.event.time_ns);
  }
  return began_ns;
}

std::string data_of(std::span<const journey::Journey> journeys, const PageInfo& info) {
  JsonIsland json;
  json.begin('{');
  json.known("title", info.title);
  json.known("filter", info.filter);
  json.known("recorded", info.recorded);
  json.known("version", info.version);
  if (info.lost != 0) json.field("lost", info.lost);
  json.begin("journeys", '[');
  const uint64_t began_ns = beginning_of(journeys);
  for (const journey::Journey& journey : journeys) write_journey(json, journey, began_ns);
  json.end(']');
  json.end('}');
  return json.take();
}

}  // namespace

std::string journey_page(std::span<const journey::Journey> journeys, const PageInfo& info) {
  const size_t plain = std::min(journeys.size(), kPlainJourneys);
  return fill(journey_page_template(), {.title = info.title.empty() ? "postern trace" : info.title,
                                        .plain = journey::journeys_text(journeys.first(plain), journey::Colour::none),
                                        .data = data_of(journeys, info)});
}

}  // namespace postern::page
