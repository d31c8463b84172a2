#include "collector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "postern/api/control_client.h"
#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/base/text.h"
#include "postern/netns/visit.h"
#include "postern/process/capability.h"
#include "postern/trace/packet_sockets.h"
#include "postern/trace/rule_events.h"

namespace postern::trace_cli {

namespace {

using netns::SeenNamespace;

constexpr std::chrono::seconds kAskAgainAfter{1};
constexpr size_t kMostAsked = 4096;
constexpr size_t kMostPlaces = 512;
constexpr rlim_t kDescriptorsInReserve = 64;
constexpr std::chrono::seconds kPosternsAreWaitedFor{1};  // at the beginning, all together
constexpr std::chrono::seconds kSilenceIsRefusal{10};
constexpr const char* kMissing = "CAP_SYS_ADMIN and CAP_NET_ADMIN are missing";

bool may_visit() { return process::has_capability(CAP_SYS_ADMIN) && process::has_capability(CAP_NET_ADMIN); }

/// From within a container's own /proc, what the host does is not ours to tell of.
bool sees_whole_host() {
  constexpr ino_t kFirstPidNamespace = 4026531836;  // PROC_PID_INIT_INO, the kernel's own, everywhere
  const auto own = netns::identity_of("/proc/self/ns/pid");
  return own && own->inode == kFirstPidNamespace;
}

/// Since Linux 6.2 the kernel counts them itself. Before, the least number that is free: all below it are taken.
size_t open_descriptors() {
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) return static_cast<size_t>(folder.st_size);
  const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return next ? static_cast<size_t>(next.get()) : SIZE_MAX / 2;
}

/// As find_namespace(), and who is at home there.
Result<SeenNamespace> find_seen(const std::string& named, const netns::Census& census) {
  const std::string text = api::whom_it_serves(named);
  const auto handle = netns::find_namespace(text, census);
  if (!handle) return Failure(handle.error());
  const auto identity = netns::identity_of(handle->network.get());
  if (!identity) return Failure(identity.error());
  if (const SeenNamespace* known = census.find(identity->inode)) return *known;
  const bool is_pid = whole_number<pid_t>(text).has_value();
  SeenNamespace seen;
  seen.inode = identity->inode;
  seen.names = {text};
  seen.path = is_pid ? fmt::format("/proc/{}/ns/net", text) : text;
  return seen;
}

uint64_t nanoseconds(TimePoint time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

journey::Following::Extent extent_of(Follow follow) {
  return follow == Follow::packet ? journey::Following::Extent::packet : journey::Following::Extent::connection;
}

}  // namespace

Collector::Collector(loop::EventLoop& loop, const TraceOptions& options, journey::EventSink sink)
    : loop_(loop),
      options_(options),
      sink_(std::move(sink)),
      following_(std::make_shared<journey::Following>(options.filter, extent_of(options.follow))),
      begin_ns_(nanoseconds(Clock::now())) {}

Result<std::unique_ptr<Collector>> Collector::open(loop::EventLoop& loop, const TraceOptions& options, journey::EventSink sink) {
  std::unique_ptr<Collector> collector(new Collector(loop, options, std::move(sink)));
  collector->reach_ = may_visit() ? Reach::everywhere : Reach::inside;
  const Status opened = collector->reach_ == Reach::everywhere ? collector->open_everywhere() : collector->open_inside();
  if (!opened) return Failure(opened.error());
  return collector;
}

Status Collector::choose(const netns::Census& census) {
  for (const std::string& text : options_.namespaces) {
    if (text == "all") {
      all_ = true;
      continue;
    }
    const auto seen = find_seen(text, census);
    if (!seen) return within("--netns", seen.error());
    chosen_.push_back(*seen);
  }
  all_ = all_ || options_.namespaces.empty();
  return {};
}

// ---- everywhere

Status Collector::open_everywhere() {
  auto census = look_around();
  if (!census) return Failure(census.error());
  if (Status chosen = choose(*census); !chosen) return chosen;
  directory_.learn(*census);
  attach_probes();
  Status first_failure;
  for (const SeenNamespace& seen : all_ ? census->namespaces : chosen_) {
    Status joined = join(seen);
    if (!joined && !all_) return joined;  // it was named
    if (!joined) remember_unwatched(seen, joined.error());
    if (!joined && first_failure) first_failure = joined;
  }
  warn_of_unwatched();
  listen_to_posterns();
  wait_for_posterns();
  if (places_.empty() && !hears_posterns()) return first_failure ? fail("there is no network namespace to watch") : first_failure;
  return {};
}

void Collector::attach_probes() {
  probes::ProbeConfig config;
  config.filter = options_.filter.program();
  config.follow = options_.follow == Follow::packet ? probes::Follow::packet : probes::Follow::connection;
  if (!all_ || !sees_whole_host()) config.tracepoints = probes::Tracepoints::of_watched_namespaces;
  auto probes = probes::KernelProbes::attach(loop_, config, tap());
  if (probes) {
    probes_ = *std::move(probes);
  } else {
    no_probes_ = probes.error().message();
  }
}

/// A user may make as many namespaces as he likes, and each costs some 18 descriptors: those that are left are for files, for who
/// is listened to, and for looking around.
Status Collector::check_room() const {
  if (places_.size() >= kMostPlaces) {
    return fail(fmt::format("{} are watched, and no more can be (choose: --netns NAME)", places_.size()));
  }
  rlimit limit{};
  const bool has_room = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && open_descriptors() + kDescriptorsInReserve < limit.rlim_cur;
  return has_room ? Status() : fail("open files are near their limit (raise it: ulimit -n; or choose: --netns NAME)");
}

void Collector::remember_unwatched(const SeenNamespace& seen, const Error& why) {
  log::debug("{}", why.message());
  const bool has_gone = why.is(std::errc::no_such_process) || why.is(std::errc::no_such_file_or_directory);
  if (!has_gone && !has_told_unwatched_) unwatched_.try_emplace(seen.inode, why.message());
}

void Collector::warn_of_unwatched() {
  if (unwatched_.empty()) return;
  log::warning("{} namespaces are not watched: {}", unwatched_.size(), unwatched_.begin()->second);
  unwatched_.clear();
  has_told_unwatched_ = true;
}

/// By all that works; to see something is enough.
Status Collector::join(const SeenNamespace& seen) {
  if (Status room = check_room(); !room) return room;
  const auto handle = netns::open_seen(seen);
  if (!handle) return Failure(handle.error());
  const auto visit = netns::Visit::begin(handle->network);
  if (!visit) return within(netns::short_name(seen), visit.error());
  Place place;
  place.seen = seen;
  if (const auto links = links_here()) directory_.learn(seen.inode, *links);
  Status packets;
  if (probes_) {
    packets = probes_->add_namespace(handle->network.get());
    place.has_probes = packets.has_value();
  } else {
    packets = open_packets(place);
  }
  const Status rules = open_rules(place);
  if (!packets && !rules) return within(netns::short_name(seen), packets.error());
  places_.insert_or_assign(seen.inode, std::move(place));
  return {};
}

Status Collector::open_packets(Place& place) {
  auto sockets = trace::PacketSockets::open(loop_, following_, tap());
  if (!sockets) return Failure(sockets.error());
  place.packets = *std::move(sockets);
  return {};
}

Status Collector::open_rules(Place& place) {
  auto rules = trace::RuleEvents::open(loop_, following_, tap());
  if (!rules) return Failure(rules.error());
  place.rules = *std::move(rules);
  return {};
}

void Collector::leave(ino_t inode) {
  const auto place = places_.find(inode);
  if (place == places_.end()) return;
  lost_ += place->second.lost();
  if (place->second.has_probes) probes_->remove_namespace(inode);
  places_.erase(place);
  directory_.forget(inode);
  asked_.erase(inode);
}

void Collector::listen_to_posterns() {
  const std::vector<api::RunningPostern> all = api::running_posterns();
  std::set<api::RunningKey> running_now;
  for (const api::RunningPostern& running : all) running_now.insert(api::key_of(running));
  std::erase_if(asked_posterns_, [&](const api::RunningKey& asked) { return !running_now.contains(asked); });
  for (const api::RunningPostern& running : all) {
    const auto serves = [&](const SeenNamespace& seen) { return seen.inode == running.guest_inode; };
    if (!all_ && std::none_of(chosen_.begin(), chosen_.end(), serves)) continue;
    if (posterns_.size() >= api::kMostPosterns || posterns_.contains(api::key_of(running))) continue;
    if (!asked_posterns_.insert(api::key_of(running)).second) continue;  // who refuses once, refuses again
    if (const Status listening = listen_to(running); !listening) {
      log::debug("postern {}: {}", running.pid, listening.error().message());
    }
  }
}

/// Never waits: anybody may listen under such a name, and say nothing.
Status Collector::listen_to(const api::RunningPostern& running) {
  const auto client = api::ControlClient::find({.pid = running.pid, .path = std::nullopt, .uid = running.uid});
  if (!client) return Failure(client.error());
  auto events = client->trace(options_.filter.text(), extent_of(options_.follow));
  if (!events) return Failure(events.error());
  if (events->server != running.pid) return fail(fmt::format("process {} has taken its name", events->server));
  const auto name = read_file(fmt::format("/proc/{}/comm", running.pid));
  const auto own = netns::identity_of("/proc/thread-self/ns/net");
  trace::InstanceStream::Speaker speaker{.pid = running.pid,
                                         .name = name ? std::string(trim(*name)) : "",
                                         .guest_inode = running.guest_inode,
                                         .own_inode = own ? own->inode : 0,
                                         .since_ns = begin_ns_};
  trace::InstanceStream::Listener listener{.sink = tap(),
                                           .grant = api::ControlClient::check_grant,
                                           .ended = [this, key = api::key_of(running)] { ended_.insert(key); }};
  auto stream = trace::InstanceStream::open(loop_, std::move(events->connection), std::move(speaker), std::move(listener));
  if (!stream) return Failure(stream.error());
  posterns_[api::key_of(running)] = {*std::move(stream), Clock::now()};
  return {};
}

/// What happens from the beginning on is to be told by those who can. Who is late is heard when he answers.
void Collector::wait_for_posterns() {
  const TimePoint until = Clock::now() + kPosternsAreWaitedFor;
  const auto is_awaited = [](const auto& one) { return !one.second.stream->is_granted() && !one.second.stream->is_over(); };
  while (Clock::now() < until && std::any_of(posterns_.begin(), posterns_.end(), is_awaited)) {
    if (!loop_.turn(until - Clock::now())) break;
  }
  forget_ended_posterns();
}

void Collector::forget_ended_posterns() {
  const TimePoint now = Clock::now();
  for (const auto& [key, heard] : posterns_) {
    if (!heard.stream->is_granted() && now - heard.asked > kSilenceIsRefusal) ended_.insert(key);
  }
  for (const api::RunningKey& key : std::exchange(ended_, {})) {
    const auto heard = posterns_.find(key);
    if (heard == posterns_.end()) continue;
    lost_.events += heard->second.stream->lost();
    posterns_.erase(heard);
  }
}

bool Collector::hears_posterns() const {
  return std::any_of(posterns_.begin(), posterns_.end(), [](const auto& one) { return one.second.stream->is_granted(); });
}

// ---- inside of one

/// The only postern of the caller's, where nothing is named.
Result<SeenNamespace> Collector::only_place(const netns::Census& census) const {
  if (options_.namespaces.size() > 1 || (options_.namespaces.size() == 1 && options_.namespaces.front() == "all")) {
    return fail(fmt::format("--netns {}: more than one namespace is for root to watch: {}; without, one of your own: --netns PID",
                            fmt::join(options_.namespaces, " --netns "), kMissing));
  }
  if (!options_.namespaces.empty()) {
    auto seen = find_seen(options_.namespaces.front(), census);
    return seen ? seen : within("--netns", seen.error());
  }
  std::vector<pid_t> pids;
  for (const api::RunningPostern& running : api::running_posterns()) {
    if (running.guest != 0 && api::serves_itself(running)) pids.push_back(running.pid);
  }
  if (pids.size() == 1) return find_seen(std::to_string(pids.front()), census);
  if (pids.size() > 1)
    return fail(fmt::format("several posterns of yours run: choose one by --netns ({})", fmt::join(pids, ", ")));
  return fail(
      fmt::format("the host's namespaces are root's to watch: {}; without, those of your own: start postern run, or name a "
                  "process in one: --netns PID",
                  kMissing));
}

Status Collector::open_inside() {
  auto census = look_around();
  if (!census) return Failure(census.error());
  directory_.learn(*census);
  const auto seen = only_place(*census);
  if (!seen) return Failure(seen.error());
  chosen_ = {*seen};
  const auto handle = netns::open_seen(*seen);
  if (!handle) return Failure(handle.error());
  listen_to_posterns();  // who asks from within is turned away
  wait_for_posterns();
  const Status entered = netns::enter(*handle);
  if (!entered) return within(fmt::format("{} is not yours to watch ({})", netns::short_name(*seen), kMissing), entered.error());
  if (const auto links = links_here()) directory_.learn(seen->inode, *links);
  Place place;
  place.seen = *seen;
  const Status packets = open_packets(place), rules = open_rules(place);
  if (!packets && !rules && !hears_posterns()) {
    return within(fmt::format("{} is not yours to watch ({})", netns::short_name(*seen), kMissing), packets.error());
  }
  places_.emplace(seen->inode, std::move(place));
  return {};
}

// ---- while it lasts

void Collector::take(journey::Event&& event) {
  if (!directory_.knows_namespace(event)) learn_namespaces();
  if (!directory_.knows_device(event)) learn_devices(event.network.inode);
  directory_.name(event);
  sink_(std::move(event));
}

/// Packets come faster than anything is worth asking for.
bool Collector::may_ask(ino_t about) {
  const TimePoint now = Clock::now();
  if (asked_.size() > kMostAsked) asked_.clear();  // of namespaces that have gone by now, most of them
  const auto asked = asked_.find(about);
  if (asked != asked_.end() && now - asked->second < kAskAgainAfter) return false;
  asked_[about] = now;
  return true;
}

void Collector::learn_namespaces() {
  constexpr ino_t kAll = 0;
  if (reach_ == Reach::inside || !may_ask(kAll)) return;
  if (const auto census = look_around()) directory_.learn(*census);
}

void Collector::learn_devices(ino_t inode) {
  const auto place = places_.find(inode);
  if (place == places_.end() || !may_ask(inode)) return;
  const auto links = reach_ == Reach::inside ? links_here() : links_of(place->second.seen);
  if (links) directory_.learn(inode, *links);
}

void Collector::keep_up() {
  forget_ended_posterns();
  if (reach_ == Reach::inside) return;
  const auto census = look_around();
  if (!census) return;
  directory_.learn(*census);
  leave_what_has_gone(*census);
  for (const SeenNamespace& seen : census->namespaces) {
    if (!all_ || places_.contains(seen.inode)) continue;
    if (!may_ask(seen.inode)) continue;
    if (const Status joined = join(seen); !joined)
      remember_unwatched(seen, joined.error());
    else
      log::info("watching {} too", netns::short_name(seen));
  }
  warn_of_unwatched();
  listen_to_posterns();
}

/// Our observers keep a namespace alive: it has gone when nothing shows it any more.
void Collector::leave_what_has_gone(const netns::Census& census) {
  std::vector<ino_t> gone;
  for (const auto& [inode, place] : places_) {
    if (census.find(inode)) continue;
    const auto at_path = netns::identity_of(place.seen.path);
    if (!at_path || at_path->inode != inode) gone.push_back(inode);
  }
  for (const ino_t inode : gone) leave(inode);
}

void Collector::drain() {
  if (probes_) probes_->drain();
  for (auto& [inode, place] : places_) {
    for (auto* source : {place.packets.get(), place.rules.get()}) {
      if (source) source->drain();
    }
  }
  for (auto& [running, heard] : posterns_) heard.stream->drain();
}

Loss Collector::lost() const {
  Loss lost = lost_;
  if (probes_) lost.events += probes_->lost();
  for (const auto& [inode, place] : places_) lost += place.lost();
  for (const auto& [running, heard] : posterns_) lost.events += heard.stream->lost();
  return lost;
}

std::string Collector::watching() const {
  const bool one = places_.size() == 1;
  const std::string where = one ? netns::short_name(places_.begin()->second.seen) : fmt::format("{} namespaces", places_.size());
  std::vector<std::string> means;
  const auto any = [&](auto has) {
    return std::any_of(places_.begin(), places_.end(), [&](const auto& at) { return has(at.second); });
  };
  if (probes_) means.emplace_back(probes_->missing().empty() ? "eBPF" : fmt::format("eBPF ({})", probes_->missing()));
  if (any([](const Place& place) { return place.packets != nullptr; })) means.emplace_back("packet sockets");
  if (any([](const Place& place) { return place.rules != nullptr; })) means.emplace_back("nft trace");
  if (hears_posterns()) means.emplace_back("postern's own events");
  const std::string more = no_probes_.empty() ? "" : fmt::format(" (no eBPF: {})", no_probes_);
  return fmt::format("{} by {}{}", where, fmt::join(means, ", "), more);
}

}  // namespace postern::trace_cli
