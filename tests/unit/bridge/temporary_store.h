// temporary_store.h - a state folder that ends with the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "store.h"

namespace postern::bridge {

class TemporaryStore : public testing::Test {
 protected:
  void SetUp() override {
    folder = testing::TempDir() + "bridge_stateXXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    store.emplace(folder + "/state");
    const auto made = store->lock();
    ASSERT_TRUE(made) << made.error().message();
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string folder;
  std::optional<Store> store;
};

}  // namespace postern::bridge
