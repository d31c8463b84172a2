// refusal.h - why a call cannot be served, in CNI's way: a code that the caller may act on, and words for a person.
#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace postern::cni {

/// SPEC.md, "Error": below 100 they are CNI's own.
enum class Code : unsigned {
  incompatible_version = 1,
  unsupported_field = 2,
  unknown_container = 3,
  bad_environment = 4,
  input_output = 5,
  undecodable = 6,
  bad_configuration = 7,
  unavailable = 50,  // STATUS: ADD cannot be served
  engine = 100,      // the bridge, the endpoint or the rules could not be made or taken away
  ipam = 101,        // the IPAM plugin could not be run, or its answer not be read
  deviation = 102,   // CHECK: what is there is not what ADD made
};

struct Refusal {
  unsigned code = 0;  // one of Code, or what an IPAM plugin said
  std::string message;
  std::string details;
  bool operator==(const Refusal&) const = default;
};

template <class T>
using Outcome = tl::expected<T, Refusal>;
using Done = Outcome<void>;

inline tl::unexpected<Refusal> refuse(Code code, std::string message, std::string details = {}) {
  return tl::unexpected<Refusal>({static_cast<unsigned>(code), std::move(message), std::move(details)});
}

}  // namespace postern::cni
