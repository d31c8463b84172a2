// simulation.h - the engine between some connections of a namespace and their remotes, with everything going wrong that a seed
// can think of, in a time that is only counted.
//
//   PeerTcp ──► FaultyLine ──► TcpEngine ◄──► RemoteHost
//           ◄── FaultyLine ◄──
//
// At the end every stream has arrived whole and ended in order, or was reset where that was planned; nothing is left over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "faulty_line.h"
#include "peer_tcp.h"
#include "remote_host.h"

namespace postern::chaos {

class Simulation : private flow::GuestSide {
 public:
  explicit Simulation(uint64_t seed);

  /// What went wrong; empty: nothing.
  std::string run();

  const FaultyLine::Tally& up_tally() const { return up_.tally(); }
  const FaultyLine::Tally& down_tally() const { return down_.tally(); }
  const flow::TcpEngine::Counters& counters() const { return engine_.counters(); }
  uint64_t moved_bytes() const;

 private:
  struct World {
    bool v4 = true, vnet = true;
    unsigned mtu_bytes = 1500;
    Duration latency{};
    Faults faults;
    size_t memory_bytes = 0;
  };
  static World make_world(Dice& dice);
  static std::vector<Plan> make_plans(Dice& dice, const World& world);
  static Plan make_plan(Dice& dice, const World& world, size_t number);

  void transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) override;
  void refuse(const Attempt& attempt, flow::Refusal why) override;
  void put(FaultyLine& line, const wire::TcpFrame& frame, wire::Bytes data, size_t segment_bytes);
  void send_up(const Plan& plan, const PeerTcp::Segment& segment);
  void deliver_up();
  void deliver_down();
  bool step();
  std::string run_until(const std::function<bool()>& done, Duration limit);
  bool all_are_over() const;
  std::string verdict() const;
  std::string verdict_on(size_t number) const;
  std::string state() const;

  Dice dice_;
  World world_;
  std::vector<Plan> plans_;
  TimePoint now_;
  FaultyLine up_, down_;
  RemoteHost remote_;
  std::vector<PeerTcp> peers_;
  flow::TcpEngine engine_;
  uint64_t idle_steps_ = 0;
};

}  // namespace postern::chaos
