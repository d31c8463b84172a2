#include "orphans.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace postern::bridge {
namespace {

using Words = std::initializer_list<const char*>;

std::optional<Helper> helper_of(Words words) {
  std::string line;
  for (const char* word : words) line += std::string(word) + '\0';
  return helper_of_command(line, "/run/postern/bridge", "/usr/libexec/postern/postern-bridge");
}

TEST(Orphans, AreToldByTheFolderOfTheState) {
  EXPECT_EQ(helper_of({"/usr/sbin/dnsmasq", "--conf-file=/run/postern/bridge/networks/blue/names/dnsmasq.conf"}),
            (Helper{Helper::Kind::name_server, "blue"}));
  const Helper proxy{Helper::Kind::proxy, ""};
  EXPECT_EQ(helper_of({"/usr/libexec/postern/postern-bridge", "proxy", "/run/postern/bridge/ports"}), proxy);
  EXPECT_EQ(helper_of({"/opt/before/postern-bridge", "proxy", "/run/postern/bridge/ports"}), proxy) << "of another version";
}

TEST(Orphans, AreNothingElse) {
  for (const Words& words :
       std::initializer_list<Words>{{},
                                    {"dnsmasq"},
                                    {"dnsmasq", "--conf-file=/etc/dnsmasq.conf"},
                                    {"dnsmasq", "--conf-file=/run/postern/bridge/networks/names/dnsmasq.conf"},
                                    {"dnsmasq", "--conf-file=/run/postern/bridge/networks//names/dnsmasq.conf"},
                                    {"dnsmasq", "--conf-file=/run/postern/bridge/networks/a/b/names/dnsmasq.conf"},
                                    {"dnsmasq", "--conf-file=/run/postern/bridge/networks/../names/dnsmasq.conf"},
                                    {"dnsmasq", "--conf-file=/run/postern/bridge/networks/blue/names/dnsmasq.conf", "-d"},
                                    {"dnsmasq", "--conf-file=/run/other/bridge/networks/blue/names/dnsmasq.conf"},
                                    {"vi", "--conf-file=/run/postern/bridge/networks/blue/names/dnsmasq.conf"},
                                    {"postern-bridge", "proxy"},
                                    {"postern-bridge", "proxy", "/run/postern/bridge/ports2"},
                                    {"postern-bridge", "proxy", "/run/postern/bridge/ports", "more"},
                                    {"postern-bridge", "ports", "/run/postern/bridge/ports"},
                                    {"cat", "proxy", "/run/postern/bridge/ports"}}) {
    EXPECT_EQ(helper_of(words), std::nullopt) << (words.size() > 1 ? words.begin()[1] : "");
  }
}

}  // namespace
}  // namespace postern::bridge
