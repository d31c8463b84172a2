// plans.cpp - what a seed makes of the world, and of each connection in it.
#include "simulation.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{std::chrono::hours(100)};
constexpr uint64_t kMostBytes = 2'000'000;
constexpr size_t kLeastMemory = size_t{8} * 64 * 1024;

}  // namespace

/// At least 1 % of each of the first four, both ways.
Simulation::World Simulation::make_world(Dice& dice) {
  World world;
  world.v4 = dice.chance(5'000);
  world.vnet = dice.chance(5'000);
  world.mtu_bytes = dice.chance(7'000) ? 1500 : static_cast<unsigned>(dice.between(1280, 65'520));
  world.latency = dice.chance(8'000) ? dice.between(0us, 100us) : dice.between(1ms, 30ms);
  const auto share = [&] { return static_cast<unsigned>(dice.between(100, 400)); };
  world.faults = {.drop = share(), .duplicate = share(), .reorder = share(), .delay = share(), .truncate = 50};
  if (!world.vnet) world.faults.flip = 50;
  world.memory_bytes = dice.chance(7'500) ? size_t{64} << 20 : kLeastMemory + dice.below(2 << 20);
  return world;
}

Plan Simulation::make_plan(Dice& dice, const World& world, size_t number) {
  Plan plan;
  const auto n = static_cast<uint16_t>(number);
  if (world.v4) {
    plan.key = {Ipv4::of(10, 0, 2, 100), Port{static_cast<uint16_t>(40'000 + n)}, Ipv4::of(192, 0, 2, 1), Port{80}};
  } else {
    plan.key = {*Ipv6::parse("fd00::64"), Port{static_cast<uint16_t>(40'000 + n)}, *Ipv6::parse("2001:db8::1"), Port{80}};
  }
  plan.up_bytes = dice.chance(1'500) ? 0 : dice.magnitude(1, kMostBytes);
  plan.down_bytes = dice.chance(1'500) ? 0 : dice.magnitude(1, kMostBytes);
  plan.up_seed = dice.any();
  plan.down_seed = dice.any();
  plan.opens_at = kStart + dice.between(0us, 50ms);
  if (dice.chance(6'000)) (dice.chance(5'000) ? plan.guest_closes_last : plan.remote_closes_last) = true;
  if (dice.chance(600)) plan.guest_aborts_after = dice.between(1us, 2s);
  if (dice.chance(600)) plan.remote_aborts_after = dice.between(1us, 2s);
  plan.initial = dice.chance(5'000) ? static_cast<uint32_t>(0 - dice.below(300'000)) : static_cast<uint32_t>(dice.any());
  plan.mss = static_cast<uint16_t>(dice.chance(7'000) ? world.mtu_bytes - (world.v4 ? 40 : 60) : dice.between(88, 9'000));
  if (dice.chance(8'000)) plan.window_scale = static_cast<uint8_t>(dice.below(11));
  plan.sack = dice.chance(7'500);
  plan.buffer_bytes = static_cast<uint32_t>(dice.magnitude(2'000, 2'000'000));
  plan.segments_per_frame = world.vnet ? static_cast<uint32_t>(dice.between(1, 45)) : 1;
  if (dice.chance(3'000)) plan.acks_within = dice.between(1ms, 40ms);
  plan.probes_with_a_byte = dice.chance(3'000);
  plan.throws_away = dice.chance(1'000);
  plan.dawdles = dice.chance(3'000) ? 300 : 0;
  return plan;
}

std::vector<Plan> Simulation::make_plans(Dice& dice, const World& world) {
  std::vector<Plan> plans;
  const size_t count = dice.between(1, 8);
  for (size_t i = 0; i < count; ++i) plans.push_back(make_plan(dice, world, i));
  return plans;
}

}  // namespace postern::chaos
