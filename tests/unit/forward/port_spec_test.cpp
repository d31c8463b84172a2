#include "postern/forward/port_spec.h"

#include <gtest/gtest.h>

namespace postern::forward {
namespace {

TEST(PortSpec, EveryFormReadsAsItIsWritten) {
  const std::pair<const char*, const char*> forms[] = {
      {"8080:80", "0.0.0.0:8080:80/tcp"},
      {"8080:80/tcp", "0.0.0.0:8080:80/tcp"},
      {"53:5353/udp", "0.0.0.0:53:5353/udp"},
      {"127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp"},
      {"[::]:8080:80", "[::]:8080:80/tcp"},
      {"[2001:db8::1]:1-3:5/udp", "[2001:db8::1]:1-3:5-7/udp"},
      {"8000-8009:80", "0.0.0.0:8000-8009:80-89/tcp"},
      {"8000-8009:9000-9009", "0.0.0.0:8000-8009:9000-9009/tcp"},
      {"65535:65535", "0.0.0.0:65535:65535/tcp"},
  };
  for (const auto& [text, meaning] : forms) {
    const auto spec = parse_port_spec(text);
    ASSERT_TRUE(spec) << text << ": " << spec.error().message();
    EXPECT_EQ(spec->to_string(), meaning);
    EXPECT_EQ(parse_port_spec(meaning), spec) << "what is printed can be read again";
  }
}

TEST(PortSpec, WhetherAnAddressWasNamedIsKnown) {
  for (const char* text : {"0.0.0.0:80:80", "[::]:80:80", "127.0.0.1:1-3:5-7/udp"}) EXPECT_TRUE(names_host_address(text)) << text;
  for (const char* text : {"80:80", "80-90:80-90", "53:53/udp"}) EXPECT_FALSE(names_host_address(text)) << text;
}

TEST(PortSpec, WhatIsWrongIsSaidInOneLineThatQuotesIt) {
  for (const char* text :
       {"",          "80",          ":80",     "80:",           "0:80",   "80:0",        "65536:80",   "x:80",
        "80:x",      "90-80:1",     "1-2:1-3", "65535:80/sctp", "80:80/", "1.2.3:80:80", "[::1:80:80", "::1:80:80",
        "1-3:65534", "80:80:80:80", "a:b:c",   "-1:5",          "5-:5",   "1.2.3.4:80",  " 80:80"}) {
    const auto spec = parse_port_spec(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_NE(spec.error().message().find(text), std::string::npos);
    EXPECT_EQ(spec.error().message().find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace postern::forward
