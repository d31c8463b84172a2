// slirp4netns_options.cpp - the grammar, by getopt_long(3), as its clients know it.
#include "slirp4netns_options.h"

#include <fmt/format.h>
#include <getopt.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "slirp4netns_text.h"

namespace postern::cli {

namespace {

enum Name : int {  // long options without a letter; beyond every char
  kCidr = 256,
  kDisableHostLoopback,
  kNoHostLoopback,
  kNetnsType,
  kUsernsPath,
  kEnableSandbox,
  kCreateSandbox,
  kEnableSeccomp,
  kOutbound4,
  kOutbound6,
  kDisableDns,
  kMacAddress,
  kTargetType,
};

constexpr const char* kLetters = "ce:r:m:a:6hv";

constexpr option flag(const char* word, int name) { return {word, no_argument, nullptr, name}; }
constexpr option valued(const char* word, int name) { return {word, required_argument, nullptr, name}; }

constexpr std::array kOptions = {
    flag("configure", 'c'),
    valued("exit-fd", 'e'),
    valued("ready-fd", 'r'),
    valued("mtu", 'm'),
    valued("cidr", kCidr),
    flag("disable-host-loopback", kDisableHostLoopback),
    flag("no-host-loopback", kNoHostLoopback),
    valued("netns-type", kNetnsType),
    valued("userns-path", kUsernsPath),
    valued("api-socket", 'a'),
    flag("enable-ipv6", '6'),
    flag("enable-sandbox", kEnableSandbox),
    flag("create-sandbox", kCreateSandbox),
    flag("enable-seccomp", kEnableSeccomp),
    valued("outbound-addr", kOutbound4),
    valued("outbound-addr6", kOutbound6),
    flag("disable-dns", kDisableDns),
    valued("macaddress", kMacAddress),
    valued("target-type", kTargetType),
    flag("help", 'h'),
    flag("version", 'v'),
    option{nullptr, 0, nullptr, 0},
};

void warn(std::string_view what) { say(stdout, fmt::format("WARNING: {}\n", what)); }

void warn_of_experiment(std::string_view what) { warn(fmt::format("Support for {} is experimental", what)); }

void warn_of_old_name(std::string_view old, std::string_view today) {
  warn(fmt::format("{} is an old name and may go; it is {} now", old, today));
}

std::optional<std::string>* value_of(TypedSlirp4netns& typed, int name) {
  switch (name) {
    case 'e': return &typed.exit_fd;
    case 'r': return &typed.ready_fd;
    case 'm': return &typed.mtu;
    case 'a': return &typed.api_socket;
    case kCidr: return &typed.cidr;
    case kNetnsType: return &typed.netns_type;
    case kUsernsPath: return &typed.userns_path;
    case kTargetType: return &typed.target_type;
    case kOutbound4: return &typed.outbound4;
    case kOutbound6: return &typed.outbound6;
    case kMacAddress: return &typed.mac;
    default: return nullptr;
  }
}

bool* switch_of(TypedSlirp4netns& typed, int name) {
  switch (name) {
    case 'c': return &typed.configure;
    case '6': return &typed.ipv6;
    case kDisableHostLoopback:
    case kNoHostLoopback: return &typed.disable_host_loopback;
    case kEnableSandbox:
    case kCreateSandbox: return &typed.sandbox;
    case kEnableSeccomp: return &typed.seccomp;
    case kDisableDns: return &typed.disable_dns;
    default: return nullptr;
  }
}

void warn_about(int name) {
  switch (name) {
    case '6': return warn_of_experiment("IPv6");
    case kEnableSeccomp: return warn_of_experiment("seccomp");
    case kOutbound4: return warn_of_experiment("--outbound-addr");
    case kOutbound6: return warn_of_experiment("--outbound-addr6");
    case kNoHostLoopback: return warn_of_old_name("--no-host-loopback", "--disable-host-loopback");
    case kCreateSandbox: return warn_of_old_name("--create-sandbox", "--enable-sandbox");
    default: return;
  }
}

Leave show_usage(const char* program, int status) {
  say(stdout, slirp4netns_help(program));
  return {status};
}

/// Reads everything up to the operands. Something: the command line was answered already.
std::optional<Leave> read_options(int argc, char** argv, TypedSlirp4netns& typed) {
  ::optind = 0;  // glibc's way to begin anew
  for (int name; (name = ::getopt_long(argc, argv, kLetters, kOptions.data(), nullptr)) != -1;) {
    if (name == 'h') return show_usage(argv[0], 0);
    if (name == 'v') {
      say(stdout, slirp4netns_version());
      return Leave{0};
    }
    warn_about(name);
    if (auto* value = value_of(typed, name)) {
      *value = ::optarg;
    } else if (bool* on = switch_of(typed, name)) {
      *on = true;
    } else {
      return show_usage(argv[0], kFailure);  // getopt_long has said what is wrong
    }
  }
  typed.operands.assign(argv + ::optind, argv + argc);
  return std::nullopt;
}

}  // namespace

std::variant<Slirp4netnsOptions, Leave> parse_slirp4netns_options(int argc, char** argv) {
  TypedSlirp4netns typed;
  if (const auto leave = read_options(argc, argv, typed)) return *leave;
  const auto options = to_slirp4netns_options(typed);
  if (!options) {
    const Refusal& refusal = options.error();
    if (!refusal.reason.empty()) say(stderr, refusal.reason + "\n");
    if (refusal.usage == Refusal::Usage::shown) return show_usage(argv[0], kFailure);
    return Leave{kFailure};
  }
  const bool has_namespace = !options->tap.empty();
  if (typed.operands.size() > (has_namespace ? 2U : 1U)) warn("too many arguments");
  return *options;
}

bool is_called_slirp4netns(int argc, char** argv) {
  if (argc < 1) return false;
  const std::string_view path = argv[0];
  return path.substr(path.rfind('/') + 1) == "slirp4netns";
}

}  // namespace postern::cli
