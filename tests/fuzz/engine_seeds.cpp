#include "engine_seeds.h"

namespace postern::fuzz {

namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
constexpr uint8_t kReadable = 1, kWritable = 2, kEnded = 4, kGives = 8, kTakes = 16, kEnds = 32, kFails = 64, kStale = 128;
constexpr uint8_t kOffer = 0x5c;  // MSS 1460, SACK, a scale of 5
constexpr uint8_t kBlocks = 0x80;
constexpr uint16_t kWindow = 2'000;                                              // 64'000 with the scale
constexpr uint16_t kAtOnce = 0, kLater = 1, kNever = 7, kOutOfDescriptors = 15;  // a SYN's window: how the host connects

/// What tcp_engine.cpp reads, written down.
class ScriptOf {
 public:
  explicit ScriptOf(uint8_t kind) : bytes_{kind} {}

  struct Segment {
    uint8_t flags = kAck;
    int number = 0, acknowledgment = 0;  // away from what is right
    uint16_t window = kWindow, data = 0;
    uint8_t options = 0;
  };
  ScriptOf& segment(const Segment& segment, uint8_t connection = 0) {
    bytes_.push_back(static_cast<uint8_t>(connection << 2));
    bytes_.push_back(segment.flags);
    bytes_.push_back(segment.options);
    word(segment.number);
    word(segment.acknowledgment);
    word(segment.window);
    return word(segment.data);
  }
  ScriptOf& host(uint8_t what, int amount = 0, uint8_t connection = 0) {
    bytes_.push_back(static_cast<uint8_t>(connection << 2 | 1));
    bytes_.push_back(what);
    return word(amount);
  }
  ScriptOf& time(int milliseconds, uint8_t doublings = 0) {
    bytes_.push_back(static_cast<uint8_t>(doublings << 5 | 2));
    return word(milliseconds);
  }
  ScriptOf& turn() {
    bytes_.push_back(3);
    return *this;
  }
  ScriptOf& arrive(uint8_t connection = 0) {
    bytes_.push_back(static_cast<uint8_t>(connection << 2 | 0x83));
    return *this;
  }
  ScriptOf& cut_off(uint8_t connection = 0) {
    bytes_.push_back(static_cast<uint8_t>(connection << 2 | 0xe3));
    return *this;
  }
  ScriptOf& unreachable(int back) {
    bytes_.push_back(0xc3);
    return word(back);
  }
  ScriptOf& path_mtu(int back, int mtu_bytes) {
    bytes_.push_back(0x43);
    word(back);
    return word(mtu_bytes);
  }

  ScriptOf& open(uint8_t options = kOffer, uint8_t connection = 0) {
    segment({.flags = kSyn, .window = kLater, .options = options}, connection)
        .host(kWritable | kTakes, 40'000, connection)
        .turn();
    return segment({}, connection).turn();
  }
  ScriptOf& gives(int quarters) { return host(kReadable | kGives, quarters).turn(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  ScriptOf& word(int value) {
    bytes_.push_back(static_cast<uint8_t>(value >> 8 & 0xff));
    bytes_.push_back(static_cast<uint8_t>(value & 0xff));
    return *this;
  }
  std::vector<uint8_t> bytes_;
};

using Scripts = std::map<std::string, std::vector<uint8_t>>;

Scripts openings() {
  const auto syn = [](uint16_t how) { return ScriptOf(0).segment({.flags = kSyn, .window = how, .options = kOffer}); };
  return {
      {"refused", syn(kLater).host(kEnded | kFails, 1).turn().bytes()},
      {"refused_by_a_router", syn(kLater).host(kEnded | kFails, 3).turn().bytes()},
      {"refused_at_once", syn(kNever).turn().bytes()},
      {"not_now", syn(kOutOfDescriptors).turn().bytes()},
      {"connected_at_once", syn(kAtOnce).turn().segment({}).turn().bytes()},
      {"syn_again_and_another", syn(kLater).segment({.flags = kSyn}).segment({.flags = kSyn, .number = 5'000}).turn().bytes()},
      {"given_up_while_connecting", syn(kLater).segment({.flags = kRst}).turn().bytes()},
      {"syn_ack_again", syn(kAtOnce).time(2'000).segment({.flags = kSyn, .number = -1}).turn().segment({}).turn().bytes()},
      {"syn_ack_for_nobody", syn(kAtOnce).segment({.acknowledgment = 9}).turn().time(60'000, 2).bytes()},
      {"nobody_there", ScriptOf(0).segment({}).segment({.flags = kFin}).segment({.flags = kRst}).turn().bytes()},
      {"port_again", ScriptOf(0)
                         .open()
                         .segment({.flags = kAck | kFin})
                         .host(kReadable | kEnded | kEnds)
                         .turn()
                         .segment({.flags = kSyn, .number = 9'000})
                         .turn()
                         .bytes()},
      {"more_than_allowed", ScriptOf(4)
                                .open()
                                .open(kOffer, 1)
                                .segment({.flags = kAck | kFin})
                                .turn()
                                .time(61'000)
                                .segment({.flags = kSyn}, 2)
                                .turn()
                                .bytes()},
      {"client", ScriptOf(0)
                     .arrive()
                     .segment({.flags = kSyn | kAck, .number = 7'000, .options = kOffer})
                     .turn()
                     .gives(1'000)
                     .host(kTakes, 1'000)
                     .segment({.data = 100})
                     .segment({.flags = kAck | kFin})
                     .host(kReadable | kEnded | kEnds)
                     .turn()
                     .segment({})
                     .turn()
                     .bytes()},
      {"client_refused", ScriptOf(0).arrive().segment({.flags = kRst | kAck}).turn().bytes()},
      // What was not sent cannot have been returned; its SYN can.
      {"client_of_nobody", ScriptOf(0).arrive().unreachable(0).unreachable(1).turn().bytes()},
      {"client_goes_early", ScriptOf(0).arrive().host(kEnded | kFails).turn().bytes()},
      {"client_of_a_silent_one", ScriptOf(4).arrive().arrive(1).arrive(2).time(11'000).arrive(2).time(65'000).bytes()},
      {"clients_syn_is_crossed", ScriptOf(0)
                                     .arrive()
                                     .segment({.flags = kSyn, .options = kOffer})
                                     .segment({.flags = kSyn | kAck, .number = -1, .options = kOffer})
                                     .gives(1'000)
                                     .bytes()},
      {"stale_event", ScriptOf(0).open().segment({.flags = kRst}).turn().open().host(kStale).turn().bytes()},
  };
}

/// By their numbers: open, ended by the namespace, by the host, by both; on their way to the host, and into the namespace.
std::vector<uint8_t> cut_off_in_each_state() {
  ScriptOf script(0);
  for (uint8_t connection = 0; connection < 4; ++connection) script.open(kOffer, connection);
  script.gives(1'000);
  for (const uint8_t connection : {uint8_t{1}, uint8_t{3}}) script.segment({.flags = kAck | kFin}, connection);
  for (const uint8_t connection : {uint8_t{2}, uint8_t{3}}) script.host(kReadable | kEnded | kEnds, 0, connection);
  script.turn().segment({.flags = kSyn, .window = kLater}, 4).segment({.flags = kSyn, .window = kAtOnce}, 5).arrive(6);
  for (uint8_t connection = 0; connection < 8; ++connection) script.cut_off(connection);
  return script.turn().bytes();
}

Scripts ends() {
  return {
      {"both_close", ScriptOf(1)
                         .open()
                         .segment({.data = 3'000})
                         .gives(500)
                         .segment({.flags = kAck | kFin})
                         .host(kReadable | kEnded | kEnds)
                         .turn()
                         .segment({})
                         .segment({.flags = kAck | kFin, .number = -1})
                         .turn()
                         .bytes()},
      {"host_closes_first", ScriptOf(0)
                                .open(0)
                                .gives(10)
                                .host(kReadable | kEnded | kEnds)
                                .turn()
                                .segment({.data = 500})
                                .segment({.flags = kAck | kFin})
                                .turn()
                                .bytes()},
      {"fin_is_lost",
       ScriptOf(0).open().host(kReadable | kEnded | kEnds).turn().time(3'000).segment({.flags = kAck | kFin}).turn().bytes()},
      {"remote_resets", ScriptOf(0).open().host(kReadable | kEnded | kGives | kFails, 400).turn().bytes()},
      {"remote_resets_a_sender", ScriptOf(0).open().host(kFails, 8).segment({.data = 100}).turn().bytes()},
      {"guest_resets", ScriptOf(0)
                           .open()
                           .segment({.flags = kRst, .number = 1})
                           .segment({.flags = kRst, .number = -9})
                           .segment({.flags = kRst})
                           .turn()
                           .bytes()},
      {"guest_forgot", ScriptOf(0).open().segment({.flags = kSyn, .number = 77}).turn().bytes()},
      {"cut_off_in_each_state", cut_off_in_each_state()},
      {"silence", ScriptOf(0).open().time(60'000, 7).bytes()},
      {"keep_alive", ScriptOf(0)
                         .open()
                         .time(20'000)
                         .segment({.number = -1})
                         .turn()
                         .time(20'000)
                         .segment({.number = -1, .data = 1})
                         .turn()
                         .bytes()},
  };
}

Scripts losses() {
  const auto acknowledges_nothing_new = [](ScriptOf script, int away, uint8_t options, int times) {
    for (int i = 0; i < times; ++i) script.segment({.acknowledgment = away, .options = options});
    return script.turn();
  };
  return {
      {"early_data", ScriptOf(0)
                         .open()
                         .segment({.number = 1'000, .data = 500})
                         .segment({.number = 3'000, .data = 500})
                         .segment({.number = 800, .data = 400})
                         .segment({.data = 1'000})
                         .turn()
                         .segment({.data = 4'000})
                         .segment({.number = 10, .data = 0, .options = 0})
                         .turn()
                         .bytes()},
      {"early_fin", ScriptOf(0)
                        .open()
                        .segment({.flags = kAck | kFin, .number = 100})
                        .segment({.data = 100})
                        .segment({.flags = kAck | kFin})
                        .turn()
                        .bytes()},
      {"old_data", ScriptOf(0)
                       .open()
                       .segment({.data = 2'000})
                       .turn()
                       .segment({.number = -1'000, .data = 1'500})
                       .segment({.number = -900, .data = 9})
                       .turn()
                       .bytes()},
      {"lost_with_blocks",
       acknowledges_nothing_new(ScriptOf(0).open().gives(8'000), -32'000, 0xcf, 4).segment({}).turn().bytes()},
      {"lost_without_blocks", acknowledges_nothing_new(ScriptOf(0).open(0).gives(300), -1'200, 0, 5)
                                  .segment({.acknowledgment = -600})
                                  .turn()
                                  .segment({})
                                  .bytes()},
      {"lost_to_a_timeout", ScriptOf(0)
                                .open()
                                .gives(8'000)
                                .time(250)
                                .segment({.acknowledgment = -20'000})
                                .turn()
                                .time(1'000)
                                .segment({})
                                .turn()
                                .bytes()},
      {"lost_for_ever", ScriptOf(0).open().gives(8'000).time(60'000, 5).bytes()},
      {"block_of_nonsense", acknowledges_nothing_new(ScriptOf(0).open().gives(100), 0, kBlocks | 0x3f, 4).bytes()},
      {"acknowledges_too_much", ScriptOf(0).open().gives(100).segment({.acknowledgment = 1}).turn().bytes()},
      {"path_is_narrow",
       ScriptOf(0).open().gives(5'000).path_mtu(10'000, 1'000).turn().path_mtu(0, 100).turn().segment({}).bytes()},
  };
}

Scripts windows() {
  return {
      // The window of a segment that was sent again counts with what it acknowledges: the edge is where it was.
      {"window_of_a_segment_sent_again", ScriptOf(0)
                                             .open()
                                             .segment({.data = 100})
                                             .gives(16'000)
                                             .segment({.number = -100, .window = 0, .data = 100})
                                             .turn()
                                             .gives(16'000)
                                             .turn()
                                             .bytes()},
      {"window_closes_and_opens", ScriptOf(0)
                                      .open()
                                      .gives(16'000)
                                      .segment({.window = 0})
                                      .turn()
                                      .gives(100)
                                      .time(1'000)
                                      .segment({.window = 1})
                                      .turn()
                                      .time(1'000)
                                      .segment({})
                                      .turn()
                                      .bytes()},
      {"window_is_taken_back", ScriptOf(0)
                                   .open()
                                   .gives(10'000)
                                   .segment({.acknowledgment = -30'000, .window = 0})
                                   .turn()
                                   .segment({.acknowledgment = -30'000})
                                   .turn()
                                   .bytes()},
  };
}

Scripts what_waits_here() {
  return {
      {"host_takes_nothing", ScriptOf(0)
                                 .segment({.flags = kSyn, .window = kAtOnce, .options = kOffer})
                                 .turn()
                                 .segment({.data = 60'000})
                                 .segment({.number = 60'000, .data = 60'000})
                                 .turn()
                                 .host(kWritable | kTakes, 20'000)
                                 .turn()
                                 .segment({.data = 30'000})
                                 .turn()
                                 .host(kWritable | kTakes, 40'000)
                                 .turn()
                                 .bytes()},
      {"little_memory", ScriptOf(2)
                            .segment({.flags = kSyn, .window = kAtOnce})
                            .turn()
                            .segment({.data = 50'000})
                            .turn()
                            .segment({.data = 50'000})
                            .turn()
                            .segment({.data = 50'000})
                            .turn()
                            .segment({.data = 50'000})
                            .turn()
                            .gives(100)
                            .time(50)
                            .bytes()},
      {"small_segments", ScriptOf(8)
                             .open()
                             .segment({.data = 1})
                             .segment({.number = 1, .data = 1})
                             .segment({.number = 2, .data = 1})
                             .turn()
                             .gives(1'000)
                             .segment({})
                             .turn()
                             .bytes()},
  };
}

}  // namespace

Scripts engine_scripts() {
  Scripts all = openings();
  for (Scripts each : {ends(), losses(), windows(), what_waits_here()}) all.merge(each);
  return all;
}

}  // namespace postern::fuzz
