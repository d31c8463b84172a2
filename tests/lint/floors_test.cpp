// floors_test.cpp - the arrow "includes go down only" is a test, not a wish.
#include "floors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace postern::lint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Everything a person writes: sources, scripts, build files and the rooms' READMEs.
Tree read_project() {
  namespace fs = std::filesystem;
  const fs::path root = POSTERN_SOURCE_DIR;
  const std::set<std::string> kinds = {".cpp", ".h", ".c", ".sh", ".cmake", ".txt", ".md"};
  Tree tree;
  for (const char* top : {"src", "include", "tests", "contrib"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
      if (!entry.is_regular_file() || !kinds.contains(entry.path().extension().string())) continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      tree.push_back({entry.path().lexically_relative(root).string(), std::move(text)});
    }
  }
  return tree;
}

const Tree& project() {
  static const Tree tree = read_project();
  return tree;
}

TEST(House, DeclaresItsRooms) {
  const Floors floors = floors_of(project());
  ASSERT_TRUE(floors.contains("base"));
  EXPECT_EQ(floors.at("base"), 0);
}

TEST(House, GivesEveryRoomAFloorAndAReadme) { EXPECT_THAT(rooms_without_papers(project(), floors_of(project())), IsEmpty()); }

TEST(House, IncludesGoDownOnly) { EXPECT_THAT(forbidden_includes(project(), floors_of(project())), IsEmpty()); }

TEST(House, KeepsFilesShort) { EXPECT_THAT(too_long(project()), IsEmpty()); }

TEST(House, NamesFilesAfterConcepts) { EXPECT_THAT(nameless(project()), IsEmpty()); }

// The rules on invented trees: each must be able to fail.

const Floors kFloors = {{"base", 0}, {"loop", 1}, {"wire", 1}, {"stack", 2}};

Breaches includes(std::string path, std::string text) {
  return forbidden_includes({{"src/loop/epoll.h", ""}, {"src/wire/raw.h", ""}, {std::move(path), std::move(text)}}, kFloors);
}

TEST(Floors, AreReadFromTheRoomsBuildFiles) {
  const Tree tree = {{"src/base/CMakeLists.txt", "postern_room(base FLOOR 0 SOURCES a.cpp)\n"},
                     {"src/loop/CMakeLists.txt", "# a comment\npostern_room(loop\n  FLOOR 1\n  SOURCES b.cpp)\n"},
                     {"src/wire/CMakeLists.txt", "# postern_room(wire FLOOR 1)\n"},
                     {"tests/loop/CMakeLists.txt", "postern_room(loop FLOOR 7)\n"}};
  EXPECT_EQ(floors_of(tree), (Floors{{"base", 0}, {"loop", 1}}));
}

TEST(Includes, MayGoDownOrStayInTheRoom) {
  EXPECT_THAT(includes("src/stack/x.cpp", "#include \"postern/loop/a.h\"\n#include \"postern/stack/b.h\"\n"), IsEmpty());
  EXPECT_THAT(includes("src/loop/x.cpp", "#include \"epoll.h\"\n#include <vector>\n"), IsEmpty());
  EXPECT_THAT(includes("include/postern/loop/x.h", "#include \"postern/base/a.h\"\n"), IsEmpty());
}

TEST(Includes, MayNotGoUp) {
  EXPECT_THAT(includes("src/loop/x.cpp", "#include \"postern/stack/a.h\"\n"), ElementsAre(HasSubstr("includes go down only")));
  EXPECT_THAT(includes("include/postern/loop/x.h", "#include <postern/stack/a.h>\n"), ElementsAre(HasSubstr("stack (floor 2)")));
}

TEST(Includes, MayNotGoSideways) {
  EXPECT_THAT(includes("src/wire/x.cpp", "int a;\n  # include \"postern/loop/a.h\"\n"), ElementsAre(HasSubstr("down only")));
}

TEST(Includes, MayNotReachAnotherRoomsPrivateHeader) {
  EXPECT_THAT(includes("src/stack/x.cpp", "#include \"../loop/epoll.h\"\n"), ElementsAre(HasSubstr("not a private header")));
  EXPECT_THAT(includes("src/stack/x.cpp", "#include \"raw.h\"\n"), ElementsAre(HasSubstr("not a private header")));
  EXPECT_THAT(includes("include/postern/loop/x.h", "#include \"epoll.h\"\n"), ElementsAre(HasSubstr("only doors")));
}

TEST(Includes, MayNotNameARoomThatIsNone) {
  EXPECT_THAT(includes("src/stack/x.cpp", "#include \"postern/attic/a.h\"\n"), ElementsAre(HasSubstr("no such room")));
}

TEST(Rooms, NeedAFloorAndAShortReadme) {
  const std::string long_text(26, '\n');
  const Tree tree = {{"src/loop/x.cpp", ""}, {"src/wire/README.md", long_text}, {"src/attic/README.md", "a\n"}};
  EXPECT_THAT(rooms_without_papers(tree, kFloors),
              ElementsAre(HasSubstr("no postern_room(attic"), HasSubstr("src/loop/README.md is missing"),
                          HasSubstr("src/wire/README.md: over 25 lines")));
}

TEST(Files, HaveALengthTheyMayNotPass) {
  const Tree tree = {{"src/loop/a.cpp", std::string(600, '\n')},
                     {"src/loop/b.cpp", std::string(601, '\n')},
                     {"include/postern/loop/a.h", std::string(151, '\n')}};
  EXPECT_THAT(too_long(tree), ElementsAre(HasSubstr("b.cpp: 601 lines"), HasSubstr("a.h: 151 lines, at most 150")));
}

TEST(Files, AreNamedAfterAConcept) {
  EXPECT_THAT(nameless({{"src/loop/timer_utils.cpp", ""}, {"tests/common/a.h", ""}, {"src/loop/commonplace.h", ""}}),
              ElementsAre(HasSubstr("utils"), HasSubstr("common")));
}

}  // namespace
}  // namespace postern::lint
