#include "view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace postern::sandbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Links = std::map<std::string, std::string>;

View view(const Links& links, const std::vector<std::string>& directories = {}, const std::set<std::string>& absent = {}) {
  const auto read_link = [&](const std::string& path) -> std::optional<std::string> {
    const auto link = links.find(path);
    return link == links.end() ? std::nullopt : std::optional(link->second);
  };
  return view_of(directories, {"/etc/resolv.conf"}, {read_link, [&](const std::string& path) { return !absent.contains(path); }});
}

std::vector<std::string> texts(const std::vector<View::Link>& links) {
  std::vector<std::string> result;
  result.reserve(links.size());
  for (const View::Link& link : links) result.push_back(link.path + " -> " + link.target);
  return result;
}

TEST(View, OfAPlainFileIsItsDirectory) {
  EXPECT_THAT(view({}).directories, ElementsAre("/etc"));
  EXPECT_THAT(view({}).links, IsEmpty());
}

TEST(View, OfALinkIsTheDirectoryOfEachHop) {
  EXPECT_THAT(view({{"/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"}}).directories,
              ElementsAre("/etc", "/run/systemd/resolve"));
  EXPECT_THAT(
      view({{"/etc/resolv.conf", "/run/a/one"}, {"/run/a/one", "../b/./two"}, {"/run/b/two", "/var/c/three"}}).directories,
      ElementsAre("/etc", "/run/a", "/run/b", "/var/c"));
}

TEST(View, GoesThroughALinkedDirectoryInsideOneThatIsShown) {
  const Links links = {{"/etc/resolv.conf", "static/resolv.conf"},
                       {"/etc/static", "/nix/store/x-etc/etc"},
                       {"/nix/store/x-etc/etc/resolv.conf", "/run/net/resolv.conf"}};
  EXPECT_THAT(view(links).directories, ElementsAre("/etc", "/nix/store/x-etc/etc", "/run/net"));
  EXPECT_THAT(view(links).links, IsEmpty());
}

TEST(View, MakesTheLinkedParentsThatNoDirectoryShows) {
  const View shown = view({{"/etc/resolv.conf", "/var/run/net/resolv.conf"}, {"/var/run", "../run"}});
  EXPECT_THAT(shown.directories, ElementsAre("/etc", "/run/net"));
  EXPECT_THAT(texts(shown.links), ElementsAre("/var/run -> ../run"));
}

TEST(View, OfALinkedEtcIsWhereItLeads) {
  const View shown = view({{"/etc", "private/etc"}}, {"/etc"});
  EXPECT_THAT(shown.directories, ElementsAre("/private/etc"));
  EXPECT_THAT(texts(shown.links), ElementsAre("/etc -> private/etc"));
}

TEST(View, ShowsADirectoryWhoseLinkMayBeSwitched) {
  EXPECT_THAT(view({{"/etc/resolv.conf", "/run/net/now/resolv.conf"}, {"/run/net/now", "v1"}}).directories,
              ElementsAre("/etc", "/run/net"));
}

TEST(View, NamesNoDirectoryBelowAnother) {
  EXPECT_THAT(view({{"/etc/resolv.conf", "/run/systemd/resolve/x"}}, {"/run", "/etc", "/run/systemd"}).directories,
              ElementsAre("/etc", "/run"));
  EXPECT_THAT(view({{"/etc/resolv.conf", "/etcetera/x"}}).directories, ElementsAre("/etc", "/etcetera"));
}

TEST(View, NeverShowsTheWholeRoot) {
  EXPECT_THAT(view({{"/etc/resolv.conf", "/resolv.conf"}}).directories, ElementsAre("/etc", "/resolv.conf"));
  EXPECT_THAT(view({{"/etc/resolv.conf", "../../../x"}}, {"/", ""}).directories, ElementsAre("/etc", "/x"));
}

TEST(View, LeavesOutADirectoryThatDoesNotExist) {
  EXPECT_THAT(view({}, {"/run/net"}, {"/run/net"}).directories, ElementsAre("/etc"));
}

TEST(View, ShowsWhereADirectoryWillAppearIfTheFileIsToBeInIt) {
  const Links links = {{"/etc/resolv.conf", "/run/systemd/resolve/x"}};
  EXPECT_THAT(view(links, {}, {"/run/systemd/resolve", "/run/systemd"}).directories, ElementsAre("/etc", "/run"));
}

TEST(View, EndsWhereLinksGoRound) {
  EXPECT_THAT(view({{"/etc/resolv.conf", "/run/a/b"}, {"/run/a/b", "/etc/resolv.conf"}}).directories,
              ElementsAre("/etc", "/run/a"));
}

}  // namespace
}  // namespace postern::sandbox
