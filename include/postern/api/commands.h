// commands.h - the control protocol: one JSON object in, one JSON object out. slirp4netns's three commands, to the letter, and
// four of ours:
//
//   {"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"","host_port":8080,"guest_addr":"","guest_port":80}}
//   {"execute":"list_hostfwd"}   {"execute":"remove_hostfwd","arguments":{"id":1}}      and of ours: "kill":true
//   {"execute":"status"}         {"execute":"list_flows"}         {"execute":"counters"}
//   {"execute":"trace","arguments":{"filter":"icmp","follow":"packet"}}      behind whose answer events follow, a line each
//
// Pure but for the instance it is given. JSON is fenced in here: no exception of the library's leaves this room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postern/api/instance.h"

namespace postern::api {

/// What slirp4netns reads at once, and so what its clients keep below.
inline constexpr size_t kMaxRequestBytes = 4095;
inline constexpr size_t kMostFlowsListed = 1024;

enum class Input { open, ended };  // ended: the client will send no more

/// The answer to what a client has sent so far; nothing while that may yet become a request. The answer comes as soon as one
/// JSON value is whole, and what follows it is not looked at.
/// `events` is filled where the client has asked for a trace, and is granted it; nullptr: nobody could carry that.
std::optional<std::string> answer(std::string_view received, Input input, Instance& instance,
                                  std::unique_ptr<Subscription>* events = nullptr);

/// For a client that has not sent a whole request in its time.
std::string timed_out_answer();

}  // namespace postern::api
