// fuzz_input.h - what the targets share: the entry that libFuzzer and the replayer call, and a promise that all views make.
#pragma once

#include "postern/base/assert.h"
#include "postern/wire/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace postern::fuzz {

/// A view ends where its input does, or before; and may be read.
inline void check_inside(wire::Bytes view, wire::Bytes input) {
  if (view.empty()) return;
  POSTERN_ASSERT(view.data() >= input.data() && view.data() + view.size() <= input.data() + input.size());
}

}  // namespace postern::fuzz
