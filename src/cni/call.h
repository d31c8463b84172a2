// call.h - one call of the plugin: all that the runtime has said.
#pragma once

#include <string>

#include "arguments.h"
#include "configuration.h"

namespace postern::cni {

struct Call {
  Environment environment;
  std::string input;  // the configuration as it came: an IPAM plugin gets the same bytes
  Arguments arguments;
  Configuration configuration;
};

}  // namespace postern::cni
