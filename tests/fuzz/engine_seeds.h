// engine_seeds.h - scripts for fuzz_tcp_engine: a connection's life, and each thing that may happen in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace postern::fuzz {

std::map<std::string, std::vector<uint8_t>> engine_scripts();

}  // namespace postern::fuzz
