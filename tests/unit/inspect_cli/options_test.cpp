#include "options.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::inspect_cli {
namespace {

Options parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "postern-inspect");
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Options options = parse_options(static_cast<int>(argv.size()), argv.data());
  (void)testing::internal::GetCapturedStdout();
  (void)testing::internal::GetCapturedStderr();
  return options;
}

int status_of(const Options& options) { return std::get<Leave>(options).status; }

TEST(InspectOptions, WithoutWordsItIsOurOwnNamespace) {
  const auto options = std::get<InspectOptions>(parse({}));
  EXPECT_EQ(options.scope, InspectOptions::Scope::one);
  EXPECT_EQ(options.target, "self");
  EXPECT_EQ(options.output, InspectOptions::Output::text);
  EXPECT_FALSE(options.page_file);
}

TEST(InspectOptions, ATargetAndJson) {
  const auto options = std::get<InspectOptions>(parse({"blue", "--json"}));
  EXPECT_EQ(options.target, "blue");
  EXPECT_EQ(options.output, InspectOptions::Output::json);
}

TEST(InspectOptions, AllAndHtmlAreOfTheHost) {
  EXPECT_EQ(std::get<InspectOptions>(parse({"--all"})).scope, InspectOptions::Scope::host);
  const auto page = std::get<InspectOptions>(parse({"--html", "x.html"}));
  EXPECT_EQ(page.scope, InspectOptions::Scope::host);
  EXPECT_EQ(page.page_file, "x.html");
}

TEST(InspectOptions, WhatContradictsItselfIsRefused) {
  EXPECT_EQ(status_of(parse({"--all", "blue"})), command::kUsage);
  EXPECT_EQ(status_of(parse({"--html", "x.html", "blue"})), command::kUsage);
  EXPECT_EQ(status_of(parse({"--html", "x.html", "--json"})), command::kUsage);
  EXPECT_EQ(status_of(parse({"blue", "red"})), command::kUsage);
  EXPECT_EQ(status_of(parse({"--nothing"})), command::kUsage);
}

TEST(InspectOptions, HelpIsAnAnswer) { EXPECT_EQ(status_of(parse({"--help"})), 0); }

}  // namespace
}  // namespace postern::inspect_cli
