// report.h - what an instance says of itself, as JSON.
#pragma once

#include "request.h"

namespace postern::api {

Json to_json(const forward::Published& published);
Json to_json(const InstanceStatus& status, size_t forwards);
Json to_json(const stack::Flows& flows);
Json to_json(const InstanceCounters& counters);

}  // namespace postern::api
