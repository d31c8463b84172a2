// wire.cpp - postern-wire carries the frames; here both ends get their addresses.
#include "wire.h"

#include <fmt/format.h>

#include "topology.h"

namespace postern::lab {

namespace {

struct End {
  std::string address4, address6;  // with prefix length
};

std::string set_up(const Wire& wire, const End& end) {
  // The queue holds what comes while postern-wire does not run: at 1 Gbit/s of full frames, 100 ms.
  std::string batch = fmt::format("link set {0} mtu 1500 txqueuelen 10000 up\naddr add {1} dev {0}\n", wire.name(), end.address4);
  if (wire.families == Families::both) batch += fmt::format("addr add {1} dev {0} nodad\n", wire.name(), end.address6);
  return batch;
}

Status set_up(const Machine& machine, const Wire& wire, const End& end) {
  const Outcome done = machine.run(Command{.argv = {"ip", "-batch", "-"}, .input = set_up(wire, end)});
  if (!done.ok()) return fail(fmt::format("{}: {}", wire.name(), done.err));
  return {};
}

std::string upper_case_delay(const Wire& wire) { return fmt::format("{}MS", wire.round_trip.count()); }

}  // namespace

std::string Wire::name() const { return fmt::format("wire{}ms", round_trip.count()); }
std::string Wire::remote4() const { return fmt::format("{}{}", kWires4, 4 * number + 2); }
std::string Wire::remote6() const { return fmt::format("{}{}::2", kWires6, number); }
std::string Wire::lost_file() const { return fmt::format("{}/{}.lost", kFolder, name()); }

std::vector<std::string> Wire::environment() const {
  const std::string variable = "LAB_WIRE_" + upper_case_delay(*this);
  std::vector<std::string> result = {variable + "4=" + remote4(), variable + "_LOST=" + lost_file()};
  if (families == Families::both) result.push_back(variable + "6=" + remote6());
  return result;
}

Result<Process> start(const Lab& lab, const Wire& wire) {
  const auto one_way = std::chrono::microseconds(wire.round_trip) / 2;
  POSTERN_TRY(process,
              lab.host().spawn({.argv = {"postern-wire", wire.name(), "/run/netns/remote", std::to_string(one_way.count()),
                                         wire.lost_file()}}),
              "wire");
  if (!wait_until([&process = process] { return !process.running() || process.out() == "up\n"; }) || !process.running()) {
    return fail(fmt::format("{}: {}", wire.name(), process.err()));
  }
  const auto end = [&wire](unsigned last) {
    return End{fmt::format("{}{}/30", kWires4, 4 * wire.number + last), fmt::format("{}{}::{}/64", kWires6, wire.number, last)};
  };
  POSTERN_CHECK(set_up(lab.host(), wire, end(1)), "wire");
  POSTERN_CHECK(set_up(lab.remote(), wire, end(2)), "wire");
  return process;
}

}  // namespace postern::lab
