// archive_test.cpp - what a child sends is what arrives; the JSON shows every field, and so what was lost on the way.
#include "archive.h"

#include <gtest/gtest.h>

#include "postern/inspect/report.h"

#include "example_view.h"
#include "view_fields.h"

namespace postern::inspect {
namespace {

std::string bytes_of(NamespaceView view) {
  Writer writer;
  writer(view);
  return writer.bytes();
}

TEST(Archive, AViewArrivesWhole) {
  const NamespaceView sent = example_view();
  NamespaceView received;
  const std::string bytes = bytes_of(sent);
  Reader reader(bytes);
  reader(received);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(namespace_json(received), namespace_json(sent));
  EXPECT_NE(namespace_json(received), namespace_json(NamespaceView()));
}

TEST(Archive, WhatIsCutShortIsNotDone) {
  const std::string bytes = bytes_of(example_view());
  for (size_t length = 0; length <= bytes.size(); ++length) {
    NamespaceView received;
    Reader reader(std::string_view(bytes).substr(0, length));
    reader(received);
    EXPECT_EQ(reader.done(), length == bytes.size()) << length;
  }
}

TEST(Archive, WhatIsTooLongIsNotDone) {
  const std::string bytes = bytes_of(example_view()) + "x";
  NamespaceView received;
  Reader reader(bytes);
  reader(received);
  EXPECT_FALSE(reader.done());
}

}  // namespace
}  // namespace postern::inspect
