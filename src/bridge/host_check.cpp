#include "postern/bridge/host_check.h"

#include "host_facts.h"

namespace postern::bridge {

Result<std::vector<Finding>> examine_host() { return judge(gather_facts()); }

}  // namespace postern::bridge
