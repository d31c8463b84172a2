// journey_page.h - journeys as a page to look at: `postern trace --html FILE`.
//
//   journeys ──► JSON in the page ──► the page's own script draws it, in any browser, without a network connection
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "postern/journey/journey.h"

namespace postern::page {

/// What the page says of itself; what is empty is not said.
struct PageInfo {
  std::string title;     // "postern trace"
  std::string filter;    // "icmp and host 192.0.2.3"
  std::string recorded;  // when: "2026-11-23 05:40:11 UTC"
  std::string version;   // of Postern
  uint64_t lost = 0;     // events
};

/// A whole HTML document that refers to nothing outside. The same journeys make the same page, byte for byte. Names and texts in
/// the events may be anything. Journeys without hops are left out of the drawing's list, but `answers` counts them.
std::string journey_page(std::span<const journey::Journey> journeys, const PageInfo& info);

}  // namespace postern::page
