// topology.h - the addresses and paths of a lab; the same in every lab, for each has namespaces of its own.
//
//   host                                              remote                      (two network namespaces)
//   eth0 192.0.2.1/24       ============ veth ======  eth0 192.0.2.2/24
//        2001:db8:1::1/64                                  2001:db8:1::2/64
//   lo   127.0.0.1 ::1                                lo   198.51.100.2  2001:db8:2::2     "far": behind the default route
//   default via 192.0.2.2, 2001:db8:1::2              198.51.100.64/26, 2001:db8:3::/64    swallows packets in silence
//                                                     198.51.100.128/25, 2001:db8:4::/64   answers "unreachable"
//   where asked for (wire.h), n from 0:
//   wire20ms 203.0.113.4n+1/30  == postern-wire ==  wire20ms 203.0.113.4n+2/30      a long way to the same remote, MTU 1500
//            2001:db8:5:n::1/64                              2001:db8:5:n::2/64
//
// Addresses are those for documentation (RFC 5737, RFC 3849); no interface leads out of the two namespaces.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace postern::lab {

inline constexpr std::string_view kHost4 = "192.0.2.1", kHost6 = "2001:db8:1::1";
inline constexpr std::string_view kRemote4 = "192.0.2.2", kRemote6 = "2001:db8:1::2";
inline constexpr std::string_view kFar4 = "198.51.100.2", kFar6 = "2001:db8:2::2";
inline constexpr std::string_view kSilent4 = "198.51.100.65", kSilent6 = "2001:db8:3::1";
inline constexpr std::string_view kUnreachable4 = "198.51.100.129", kUnreachable6 = "2001:db8:4::1";
inline constexpr std::string_view kWires4 = "203.0.113.", kWires6 = "2001:db8:5:";  // and a number
inline constexpr std::string_view kInterface = "eth0";

// What the remote's servers answer; see servers.h.
inline constexpr uint16_t kHttpPort = 80, kDnsPort = 53, kEchoPort = 7, kIperfPort = 5201;
inline constexpr unsigned kIperfServers = 4;                              // on kIperfPort and the ports after it
inline constexpr std::string_view kName = "remote.lab.test";              // A and AAAA of the remote
inline constexpr std::string_view kFarName = "far.lab.test";              // A and AAAA of the far address
inline constexpr std::string_view kName4 = "four.lab.test";               // A alone
inline constexpr std::string_view kName6 = "six.lab.test";                // AAAA alone
inline constexpr std::string_view kLargeName = "large.lab.test";          // TXT records of 4 KB: an answer that needs TCP
inline constexpr std::string_view kPageText = "hello from the remote\n";  // what http://remote/ answers

// The one folder every lab has to itself, on a tmpfs over /run.
inline constexpr std::string_view kFolder = "/run/lab";
inline constexpr std::string_view kDoor = "/run/lab/door";     // the keeper's socket, door.h
inline constexpr std::string_view kPrograms = "/run/lab/bin";  // postern-lab, postern-rawframe, ...: the lab's own
inline constexpr std::string_view kEngine =
    "/run/lab/engine";  // with LAB_ENGINE: a `postern` that chooses that engine, first in PATH
inline constexpr std::string_view kTree = "/run/lab/tree";      // the build (or an installed tree), reachable for every uid
inline constexpr std::string_view kWww = "/run/lab/www";        // what nginx serves; uploads land in kWww/upload
inline constexpr std::string_view kUserHome = "/run/lab/home";  // of uid 4000
inline constexpr std::string_view kRootHome = "/run/lab/root";
inline constexpr std::string_view kTemporary = "/run/lab/tmp";  // TMPDIR, as /tmp: 01777

// The spare user: no useradd, the lab binds its own passwd, group, subuid and subgid.
inline constexpr std::string_view kUserName = "lab";
inline constexpr uid_t kUserId = 4000;
inline constexpr gid_t kGroupId = 4000;
inline constexpr uid_t kFirstSubordinate = 100000, kSubordinates = 65536;

}  // namespace postern::lab
