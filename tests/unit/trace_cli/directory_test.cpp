#include "directory.h"

#include <gtest/gtest.h>

#include "events.h"

namespace postern::trace_cli {
namespace {

netns::Census census() {
  netns::SeenNamespace blue, host;
  blue.inode = 1;
  blue.names = {"blue"};
  host.inode = 2;
  host.is_host = true;
  netns::Census all;
  all.namespaces = {blue, host};
  return all;
}

std::vector<netlink::Link> links() {
  netlink::Link loopback, veth;
  loopback.index = 1;
  loopback.name = "lo";
  veth.index = 2;
  veth.name = "eth0";
  veth.kind = "veth";
  return {loopback, veth};
}

TEST(Directory, NamesWhatObserversKnowByNumber) {
  Directory directory;
  directory.learn(census());
  directory.learn(1, links());
  journey::Event event = seen(1, journey::Point::ingress, echo(1));
  event.device.index = 2;
  EXPECT_TRUE(directory.knows_namespace(event) && directory.knows_device(event));
  directory.name(event);
  EXPECT_EQ(event.network.name, "blue");
  EXPECT_EQ(event.device.name, "eth0");
  EXPECT_EQ(event.device.kind, "veth");
  event.device = {.index = 1, .name = "", .kind = ""};
  directory.name(event);
  EXPECT_EQ(event.device.kind, "loopback");
}

TEST(Directory, DevicesOfAnotherNamespaceHaveOtherNames) {
  Directory directory;
  directory.learn(census());
  directory.learn(1, links());
  journey::Event event = seen(1, journey::Point::ingress, echo(1));
  event.network.inode = 2;
  event.device.index = 2;
  EXPECT_FALSE(directory.knows_device(event));
  directory.name(event);
  EXPECT_EQ(event.network.name, "host");
  EXPECT_EQ(event.device.name, "");
}

TEST(Directory, ForgetsDevicesOfANamespaceThatHasGone) {
  Directory directory;
  directory.learn(census());
  directory.learn(1, links());
  directory.forget(1);
  journey::Event event = seen(1, journey::Point::ingress, echo(1));
  event.device.index = 2;
  EXPECT_FALSE(directory.knows_device(event));
  directory.name(event);
  EXPECT_EQ(event.device.name, "");
  EXPECT_EQ(event.network.name, "blue") << "events of it may be under way";
}

TEST(Directory, WhatTheObserverSaysStays) {
  Directory directory;
  directory.learn(census());
  directory.learn(1, links());
  journey::Event event = seen(1, journey::Point::ingress, echo(1));
  event.network.name = "postern 7";
  event.device = {.index = 2, .name = "eth9", .kind = ""};
  directory.name(event);
  EXPECT_EQ(event.network.name, "postern 7");
  EXPECT_EQ(event.device.name, "eth9") << "it was renamed since";
}

TEST(Directory, ANamespaceThatHasGoneKeepsItsName) {
  Directory directory;
  directory.learn(census());
  directory.learn(netns::Census{});
  journey::Event event = seen(1, journey::Point::ingress, echo(1));
  directory.name(event);
  EXPECT_EQ(event.network.name, "blue");
}

}  // namespace
}  // namespace postern::trace_cli
