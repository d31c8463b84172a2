#include "store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "samples.h"
#include "temporary_store.h"

namespace postern::bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

const IpAddress kAddress = Ipv4::of(10, 209, 0, 2);

/// How often each exit status came of `count` processes that begin `body` at the same time.
std::vector<int> at_once(int count, const std::function<int()>& body) {
  int gate[2];
  EXPECT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  for (int i = 0; i < count; ++i) {
    if (::fork() != 0) continue;
    ::close(gate[1]);
    char end;
    (void)!::read(gate[0], &end, 1);
    ::_exit(body());
  }
  ::close(gate[0]);
  ::close(gate[1]);
  std::vector<int> statuses(4);
  for (int i = 0; i < count; ++i) {
    int status = 0;
    ::wait(&status);
    ++statuses.at(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
  }
  return statuses;
}

class BridgeStore : public TemporaryStore {
 protected:
  std::string path(const std::string& within) const { return folder + "/state/" + within; }
  void write(const std::string& within, const std::string& text) const { std::ofstream(path(within)) << text; }
  std::vector<std::string> leftovers() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".new") found.push_back(entry.path());
    }
    return found;
  }
};

TEST_F(BridgeStore, WhatIsKeptIsFoundInTheOrderOfItsNames) {
  EXPECT_THAT(*store->networks(), IsEmpty());
  Network another = sample_network();
  another.spec.name = "amber";
  ASSERT_TRUE(store->keep(sample_network()));
  ASSERT_TRUE(store->keep(another));
  EXPECT_EQ(*store->networks(), (std::vector<Network>{another, sample_network()}));
  EXPECT_EQ(*store->network("blue"), sample_network());
  EXPECT_TRUE(store->network("green").error().is(std::errc::no_such_file_or_directory));

  Endpoint other_interface = sample_endpoint();
  other_interface.interface = "eth1";
  ASSERT_TRUE(store->keep(other_interface));
  ASSERT_TRUE(store->keep(sample_endpoint()));
  EXPECT_EQ(*store->endpoints("blue"), (std::vector<Endpoint>{sample_endpoint(), other_interface}));
  EXPECT_EQ(*store->endpoint("blue", "web@eth1"), other_interface);
  EXPECT_TRUE(store->endpoint("blue", "web@eth2").error().is(std::errc::no_such_file_or_directory));
  EXPECT_THAT(*store->endpoints("amber"), IsEmpty());
  EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(BridgeStore, WhatIsForgottenHasGoneAndMayBeForgottenAgain) {
  ASSERT_TRUE(store->keep(sample_network()));
  ASSERT_TRUE(store->keep(sample_endpoint()));
  ASSERT_TRUE(*store->claim("blue", kAddress, "web@eth0"));
  ASSERT_TRUE(store->forget_endpoint("blue", "web@eth0"));
  EXPECT_TRUE(store->forget_endpoint("blue", "web@eth0"));
  EXPECT_THAT(*store->endpoints("blue"), IsEmpty());
  ASSERT_TRUE(store->forget_network("blue"));
  EXPECT_TRUE(store->forget_network("blue"));
  EXPECT_THAT(*store->networks(), IsEmpty());
  EXPECT_FALSE(fs::exists(path("networks/blue")));
}

TEST_F(BridgeStore, AReaderSeesTheOldOrTheNewAndNothingBetween) {
  Network longer = sample_network();
  longer.spec.subnets = std::vector<Subnet>(1000, sample_network().spec.subnets[1]);
  ASSERT_TRUE(store->keep(sample_network()));
  const pid_t writer = ::fork();
  if (writer == 0) {
    bool good = true;
    for (int i = 0; i < 50 && good; ++i) good = store->keep(longer) && store->keep(sample_network());
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  size_t reads = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    const auto read = store->network("blue");
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_TRUE(*read == longer || *read == sample_network());
    ++reads;
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(reads, 0U);
  EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(BridgeStore, WhatCannotBeWrittenLeavesWhatWasThere) {
  ASSERT_TRUE(store->keep(sample_network()));
  fs::create_directory(path("networks/blue/network.json.new"));
  Network other = sample_network();
  other.spec.names = true;
  const Status status = store->keep(other);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr(path("networks/blue/network.json")));
  EXPECT_EQ(*store->network("blue"), sample_network());
}

TEST_F(BridgeStore, ADamagedEndpointStopsNobodyElse) {
  ASSERT_TRUE(store->keep(sample_network()));
  ASSERT_TRUE(store->keep(sample_endpoint()));
  write("networks/blue/endpoints/db@eth0.json", "{");
  write("networks/blue/endpoints/copy@eth0.json", to_text(sample_endpoint()));
  write("networks/blue/endpoints/notes.txt", "nothing of ours");
  EXPECT_EQ(*store->endpoints("blue"), std::vector<Endpoint>{sample_endpoint()});
  const auto damaged = store->damaged_endpoints("blue");
  ASSERT_EQ(damaged.size(), 2U);
  EXPECT_EQ(damaged[0].name, "copy@eth0");
  EXPECT_EQ(damaged[1].name, "db@eth0");
  EXPECT_THAT(damaged[1].why, HasSubstr(path("networks/blue/endpoints/db@eth0.json")));
  EXPECT_THAT(damaged[1].why, HasSubstr("postern bridge gc"));
  EXPECT_TRUE(store->endpoint("blue", "db@eth0").error().is(std::errc::bad_message));
}

TEST_F(BridgeStore, AnUnreadableRecordIsAnErrorWithItsPath) {
  Network another = sample_network();
  another.spec.name = "amber";
  ASSERT_TRUE(store->keep(another));
  ASSERT_TRUE(store->keep(sample_network()));
  write("networks/blue/network.json", "");
  const auto networks = store->networks();
  ASSERT_FALSE(networks);
  EXPECT_THAT(networks.error().message(), HasSubstr(path("networks/blue/network.json")));
  EXPECT_EQ(store->readable_networks(), std::vector<Network>{another});
  ASSERT_EQ(store->damaged_networks().size(), 1U);
  EXPECT_EQ(store->damaged_networks()[0].name, "blue");
  ASSERT_TRUE(store->forget_record("blue"));
  EXPECT_EQ(*store->networks(), std::vector<Network>{another});
  EXPECT_EQ(store->damaged_networks().size(), 1U) << "what it had is still there";
  write("pending", "half of it");
  const auto pending = store->pending();
  ASSERT_FALSE(pending);
  EXPECT_THAT(pending.error().message(), HasSubstr(path("pending")));
  write("proxy.json", "null");
  EXPECT_EQ(store->proxy(), std::nullopt) << "a proxy that nobody knows is another one's business";
}

TEST_F(BridgeStore, AFolderWithoutARecordIsNoNetwork) {
  fs::create_directories(path("networks/begun/addresses"));
  EXPECT_THAT(*store->networks(), IsEmpty());
}

TEST_F(BridgeStore, AnIntentIsThereUntilItIsTakenAway) {
  EXPECT_EQ(*store->pending(), std::nullopt);
  const Pending pending{Pending::Operation::attach, "blue", "web@eth0", "pv1"};
  ASSERT_TRUE(store->set_pending(pending));
  EXPECT_EQ(*store->pending(), pending);
  ASSERT_TRUE(store->clear_pending());
  EXPECT_EQ(*store->pending(), std::nullopt);
  EXPECT_TRUE(store->clear_pending());
}

TEST_F(BridgeStore, PortsAndProxyAreKept) {
  EXPECT_EQ(store->ports(), "");
  ASSERT_TRUE(store->set_ports("a line\n"));
  EXPECT_EQ(store->ports(), "a line\n");
  EXPECT_EQ(store->ports_file(), path("ports"));
  const ProxyRecord proxy{42, 43, Port{44}, Port{45}};
  ASSERT_TRUE(store->set_proxy(proxy));
  EXPECT_EQ(store->proxy(), proxy);
  ASSERT_TRUE(store->forget_proxy());
  EXPECT_EQ(store->proxy(), std::nullopt);
}

TEST_F(BridgeStore, AnAddressIsClaimedOnce) {
  ASSERT_TRUE(store->keep(sample_network()));
  EXPECT_TRUE(*store->claim("blue", kAddress, "web@eth0"));
  EXPECT_FALSE(*store->claim("blue", kAddress, "db@eth0"));
  EXPECT_TRUE(*store->claim("blue", *parse_ip("fd00::2"), "web@eth0"));
  write("networks/blue/addresses/notes", "no address");
  const auto claims = store->claims("blue");
  ASSERT_TRUE(claims);
  ASSERT_EQ(claims->size(), 2U);
  EXPECT_EQ((*claims)[0].address, kAddress);
  EXPECT_EQ((*claims)[0].key, "web@eth0");
  ASSERT_TRUE(store->release("blue", kAddress));
  EXPECT_TRUE(store->release("blue", kAddress));
  EXPECT_TRUE(*store->claim("blue", kAddress, "db@eth0"));
}

TEST_F(BridgeStore, OfManyProcessesOneGetsTheAddress) {
  ASSERT_TRUE(store->keep(sample_network()));
  for (uint8_t round = 1; round < 20; ++round) {
    const auto statuses = at_once(8, [&] {
      const auto claimed = store->claim("blue", Ipv4::of(10, 209, 1, round), "x");
      return !claimed ? 2 : *claimed ? 1 : 0;
    });
    EXPECT_THAT(statuses, ElementsAre(7, 1, 0, 0));
  }
}

TEST_F(BridgeStore, ManyProcessesMayOpenItFirst) {
  for (int round = 0; round < 20; ++round) {
    const std::string fresh = folder + "/fresh" + std::to_string(round) + "/deeper";
    EXPECT_THAT(at_once(8, [&] { return Store(fresh).lock() ? 0 : 1; }), ElementsAre(8, 0, 0, 0));
  }
  EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(BridgeStore, TheLockIsHeldByOneAtATime) {
  const std::string inside = folder + "/inside";
  const auto statuses = at_once(8, [&] {
    for (int i = 0; i < 20; ++i) {
      const auto lock = store->lock();
      if (!lock) return 2;
      if (::mkdir(inside.c_str(), 0700) != 0) return 1;  // another one is inside
      if (::rmdir(inside.c_str()) != 0) return 3;
    }
    return 0;
  });
  EXPECT_THAT(statuses, ElementsAre(8, 0, 0, 0));
}

TEST_F(BridgeStore, WhoOnlyLooksMakesNothing) {
  const Store none(folder + "/none");
  const auto looking = none.lock_to_look();
  ASSERT_TRUE(looking);
  EXPECT_FALSE(*looking);
  EXPECT_THAT(*none.networks(), IsEmpty());
  EXPECT_EQ(*none.pending(), std::nullopt);
  EXPECT_FALSE(fs::exists(folder + "/none"));
  EXPECT_TRUE(*store->lock_to_look()) << "where there is a state it is held";
}

TEST_F(BridgeStore, TheStateOfAnotherNetworkNamespaceIsRefused) {
  ASSERT_TRUE(store->keep(sample_network()));
  EXPECT_TRUE(Store(folder + "/state").lock()) << "one's own again";
  write("namespace", "4:1\n");
  const auto opened = Store(folder + "/state").lock();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr(folder + "/state tells of the networks of another network namespace"));
  EXPECT_FALSE(Store(folder + "/state").lock_to_look());
  ASSERT_TRUE(store->forget_network("blue"));
  EXPECT_TRUE(Store(folder + "/state").lock()) << "where there are no networks, there is nothing to confuse";
  ASSERT_TRUE(store->keep(sample_network()));
  EXPECT_TRUE(Store(folder + "/state").lock()) << "and it is ours now";
}

/// What the kernel calls its mode, in octal digits.
unsigned mode_of(const std::string& file) {
  struct stat status {};
  EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
  return status.st_mode & 07777;
}

TEST_F(BridgeStore, HasItsModesWhateverTheUmaskIs) {
  const std::string fresh = folder + "/above/fresh";
  const mode_t before = ::umask(0777);
  const Store made(fresh);
  const auto lock = made.lock();
  const Status kept = lock ? made.keep(sample_network()) : Failure(lock.error());
  ::umask(before);
  ASSERT_TRUE(kept) << kept.error().message();
  for (const char* way :
       {"/above", "/above/fresh", "/above/fresh/networks", "/above/fresh/networks/blue", "/above/fresh/networks/blue/names"}) {
    EXPECT_EQ(mode_of(folder + way) & 01, 01U) << way << ": a DNS server that is not root goes through it";
  }
  EXPECT_EQ(mode_of(fresh + "/networks/blue/network.json") & 0600, 0600U);
}

// A lock that somebody else may open is one that he may hold.
TEST_F(BridgeStore, IsRootsAloneButForTheWayToNames) {
  ASSERT_TRUE(store->keep(sample_network()));
  ASSERT_TRUE(store->keep(sample_endpoint()));
  ASSERT_TRUE(*store->claim("blue", kAddress, "web@eth0"));
  ASSERT_TRUE(store->set_last_given("blue", kAddress));
  ASSERT_TRUE(store->set_pending({Pending::Operation::up, "blue", "", ""}));
  ASSERT_TRUE(store->set_ports("a line\n"));
  ASSERT_TRUE(store->set_proxy({42, 43, Port{44}, Port{45}}));
  fs::permissions(path("lock"), fs::perms(0644));  // as it was made before
  ASSERT_TRUE(store->lock());
  std::vector<std::string> open;
  for (const auto& entry : fs::recursive_directory_iterator(folder + "/state")) {
    if ((mode_of(entry.path()) & 044) != 0) open.push_back(fs::relative(entry.path(), folder + "/state"));
  }
  EXPECT_THAT(open, testing::UnorderedElementsAre("networks", "networks/blue/names"));
  EXPECT_EQ(mode_of(path("networks/blue")), 0711U);
}

TEST_F(BridgeStore, AFolderThatCannotBeMadeIsAnError) {
  write("file", "");
  const auto opened = Store(path("file/state")).lock();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr(path("file/state")));
}

TEST_F(BridgeStore, TheLastGivenIsKeptAFamily) {
  ASSERT_TRUE(store->keep(sample_network()));
  EXPECT_EQ(store->last_given("blue", AF_INET), std::nullopt);
  ASSERT_TRUE(store->set_last_given("blue", kAddress));
  EXPECT_EQ(store->last_given("blue", AF_INET), kAddress);
  EXPECT_EQ(store->last_given("blue", AF_INET6), std::nullopt);
  write("networks/blue/last4", "rubbish\n");
  EXPECT_EQ(store->last_given("blue", AF_INET), std::nullopt);
}

}  // namespace
}  // namespace postern::bridge
