// answer.h - what goes to standard output, in the shape of the version that was asked in. Pure. The JSON library stays in
// answer.cpp.
#pragma once

#include <string>

#include "add_result.h"
#include "refusal.h"
#include "version.h"

namespace postern::cni {

std::string answer_added(const AddResult& result, Version version);
std::string answer_refused(const Refusal& refusal, Version version);
std::string answer_versions(Version asked_in);

}  // namespace postern::cni
