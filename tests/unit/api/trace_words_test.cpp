#include "trace_words.h"

#include <gtest/gtest.h>

namespace postern::api {
namespace {

TEST(TraceWords, TheRequestHoldsTheFilterWhateverItIs) {
  const Json request = Json::parse(trace_request("host \"x\" \xff", journey::Following::Extent::packet));
  EXPECT_EQ(request.at("execute"), "trace");
  EXPECT_EQ(request.at("arguments").at("follow"), "packet");
  EXPECT_TRUE(request.at("arguments").at("filter").get<std::string>().starts_with("host \"x\" "));
}

TEST(TraceWords, OnlyAReturnIsAGrant) {
  EXPECT_FALSE(trace_refusal("{\"return\":{\"version\":1}}\n"));
  EXPECT_EQ(trace_refusal(R"({"error":{"desc":"bad request: unknown execute"}})"), "bad request: unknown execute");
  EXPECT_EQ(trace_refusal(R"({"error":{"desc":"d","reason":"r"}})"), "r");
  for (const char* wrong : {"", "x", "[]", "7", "{}", R"({"error":7})", R"({"error":)"})
    EXPECT_TRUE(trace_refusal(wrong)) << wrong;
}

}  // namespace
}  // namespace postern::api
