#include "postern/workload/etc_files.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace postern::workload {
namespace {

TEST(ResolvConf, OursReplaceTheNameserversAndKeepSearchAndOptions) {
  const std::string host = "# made by hand\nnameserver 127.0.0.53\nsearch example.org corp\n  options edns0\nsortlist 1.2.3.4\n";
  EXPECT_EQ(resolv_conf(host, {Ipv4::of(10, 0, 2, 3), *Ipv6::parse("fd00::3")}),
            "nameserver 10.0.2.3\nnameserver fd00::3\nsearch example.org corp\n  options edns0\n");
}

TEST(ResolvConf, TellsWhichFamiliesTheHostsServersAreOf) {
  EXPECT_TRUE(names_server("nameserver 192.0.2.1\n", AF_INET));
  EXPECT_FALSE(names_server("nameserver 192.0.2.1\n", AF_INET6));
  EXPECT_TRUE(names_server("nameserver fe80::1%eth0", AF_INET6));
  EXPECT_FALSE(names_server("# nameserver 192.0.2.1\nnameserver\noptions x\n", AF_INET));
  EXPECT_FALSE(names_server("", AF_INET));
}

TEST(Hosts, OurEntriesComeFirstForTheFirstMatchCounts) {
  EXPECT_EQ(hosts("127.0.0.1 localhost\n", {{"db", Ipv4::of(192, 0, 2, 9)}}), "192.0.2.9\tdb\n127.0.0.1 localhost\n");
}

TEST(Hosts, AnEmptyFileStillKnowsLocalhost) { EXPECT_EQ(hosts("", {}), "127.0.0.1\tlocalhost\n::1\tlocalhost\n"); }

TEST(HostEntry, ReadsBothFamiliesAndNothingElse) {
  EXPECT_EQ(to_string(parse_host_entry("db:192.0.2.9")->address), "192.0.2.9");
  EXPECT_EQ(to_string(parse_host_entry("db:2001:db8::1")->address), "2001:db8::1");
  EXPECT_EQ(parse_host_entry("db:[2001:db8::1]")->name, "db");
  for (const char* bad : {"", "db", "db:", ":192.0.2.9", "db:300.1.1.1", "a b:192.0.2.9", "a\n:192.0.2.9", "db:[]"}) {
    EXPECT_FALSE(parse_host_entry(bad)) << bad;
  }
}

}  // namespace
}  // namespace postern::workload
