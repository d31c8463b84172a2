// floors.h - the rules of the house as pure functions over text: which room may include which, how files are named and how
// long they may be. floors_test.cpp applies them to the tree and proves on invented trees that each can fail.
//
//   5  cli            A file in src/<room>/ or include/postern/<room>/ may include
//   4  api trace        the doors of its own room                   "postern/<room>/x.h"
//   3  relay ...        the doors of a room on a lower floor        "postern/<lower>/x.h"
//   2  stack ...        a private header that lies beside it        "x.h"; only in src/
//   1  loop ...       and nothing else of ours: not up, not sideways, nobody else's private headers.
//   0  base
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::lint {

struct SourceFile {
  std::string path;  // from the project's root: "src/loop/event_loop.cpp"
  std::string text;
};
using Tree = std::vector<SourceFile>;
using Floors = std::map<std::string, int, std::less<>>;  // room -> floor
using Breaches = std::vector<std::string>;               // one line each for a person: where, what, why

/// The floors that the `postern_room(<room> FLOOR <n> ...)` of every src/<room>/CMakeLists.txt declares.
Floors floors_of(const Tree& tree);

/// A folder under src/ that declares no room, or whose README.md is missing or longer than a screen.
Breaches rooms_without_papers(const Tree& tree, const Floors& floors);
/// Includes that go up, sideways, to a room that is none, or to a private header of somebody else.
Breaches forbidden_includes(const Tree& tree, const Floors& floors);
/// Sources over 600 lines, doors over 150.
Breaches too_long(const Tree& tree);
/// Files and folders named after no concept: util, common, helpers, manager.
Breaches nameless(const Tree& tree);

}  // namespace postern::lint
