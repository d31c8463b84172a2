// collector.h - chooses the observers, opens them where packets are to be seen, and keeps up with namespaces that come and go.
//
//   with CAP_SYS_ADMIN, CAP_NET_ADMIN    any number of namespaces: eBPF, else packet sockets in each; nft trace in each;
//                                        the events of running posterns
//   without                              one, of the caller's own user namespace, for good: packet sockets, nft trace; before
//                                        it is entered, the events of the postern that serves it
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "postern/api/running.h"
#include "postern/journey/event.h"
#include "postern/journey/following.h"
#include "postern/loop/event_loop.h"
#include "postern/probes/kernel_probes.h"
#include "postern/trace/instance_stream.h"
#include "postern/trace/source.h"

#include "directory.h"
#include "loss.h"
#include "options.h"
#include "surroundings.h"

namespace postern::trace_cli {

class Collector {
 public:
  /// Errors: what is missing to see anything, and who could.
  static Result<std::unique_ptr<Collector>> open(loop::EventLoop& loop, const TraceOptions& options, journey::EventSink sink);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// "3 namespaces by eBPF and nft trace"
  std::string watching() const;
  /// Takes up namespaces that have come, and lets go of those that nobody else keeps. To be called now and then.
  void keep_up();
  /// All that happened before has reached the sink.
  void drain();
  Loss lost() const;

 private:
  struct Place {  // a namespace that is watched
    netns::SeenNamespace seen;
    std::unique_ptr<trace::Source> packets, rules;
    bool has_probes = false;
    Loss lost() const { return {.events = packets ? packets->lost() : 0, .rule_messages = rules ? rules->lost() : 0}; }
  };

  Collector(loop::EventLoop& loop, const TraceOptions& options, journey::EventSink sink);
  Status open_everywhere();
  Status open_inside();
  Status choose(const netns::Census& census);
  void attach_probes();
  Status join(const netns::SeenNamespace& seen);
  Status check_room() const;
  void remember_unwatched(const netns::SeenNamespace& seen, const Error& why);
  void warn_of_unwatched();
  Status open_rules(Place& place);
  Status open_packets(Place& place);
  void leave(ino_t inode);
  void listen_to_posterns();
  void wait_for_posterns();
  void forget_ended_posterns();
  Status listen_to(const api::RunningPostern& running);
  Result<netns::SeenNamespace> only_place(const netns::Census& census) const;
  void leave_what_has_gone(const netns::Census& census);
  bool may_ask(ino_t about);
  bool hears_posterns() const;
  void learn_namespaces();
  void learn_devices(ino_t inode);
  void take(journey::Event&& event);
  journey::EventSink tap() {
    return [this](journey::Event&& event) { take(std::move(event)); };
  }

  loop::EventLoop& loop_;
  const TraceOptions& options_;
  journey::EventSink sink_;
  std::shared_ptr<journey::Following> following_;  // for all observers that are not in the kernel
  enum class Reach { everywhere, inside } reach_ = Reach::everywhere;
  bool all_ = false;  // every namespace that there is
  std::vector<netns::SeenNamespace> chosen_;
  Directory directory_;
  std::map<ino_t, TimePoint> asked_;  // when, by namespace; 0: which there are
  std::string no_probes_;             // why there are none
  std::unique_ptr<probes::KernelProbes> probes_;
  std::map<ino_t, Place> places_;
  std::map<ino_t, std::string> unwatched_;  // why; until that is told, once
  bool has_told_unwatched_ = false;
  struct Heard {  // a postern that was asked to tell of what it does
    std::unique_ptr<trace::InstanceStream> stream;
    TimePoint asked;
  };
  std::map<api::RunningKey, Heard> posterns_;
  std::set<api::RunningKey> ended_;           // of these
  std::set<api::RunningKey> asked_posterns_;  // those that run
  uint64_t begin_ns_ = 0;
  Loss lost_;  // of observers that have gone
};

}  // namespace postern::trace_cli
