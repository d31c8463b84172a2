// postern-names - src/bridge/name_server.h for scripts: the DNS server of a bridge in a lab, without the networks around it.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/text.h"

#include "name_server.h"
#include "program.h"

namespace {

using postern::IpAddress;
using postern::Status;
namespace bridge = postern::bridge;

constexpr const char* kUsage =
    "usage: postern-names start FOLDER NETWORK BRIDGE forwards|internal ADDRESS... | stop FOLDER | runs FOLDER |\n"
    "                     add FOLDER ID NAME[,NAME]... ADDRESS... | remove FOLDER ID\n";

std::vector<IpAddress> addresses_of(const std::vector<std::string>& words, size_t first) {
  std::vector<IpAddress> addresses;
  for (size_t at = first; at < words.size(); ++at) {
    if (const auto address = postern::parse_ip(words[at])) addresses.push_back(*address);
  }
  return addresses;
}

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) names.emplace_back(postern::take_until(text, ','));
  return names;
}

Status perform(const std::vector<std::string>& words) {
  const std::string& what = words[0];
  if (what == "start" && words.size() > 4)
    return bridge::start_name_server({words[1], words[2], words[3], addresses_of(words, 5), words[4] == "forwards"});
  if (what == "stop") return bridge::stop_name_server(words[1]);
  if (what == "runs") return bridge::name_server_runs(words[1]) ? Status() : postern::fail("it does not run");
  if (what == "add" && words.size() > 3) return bridge::add_names(words[1], words[2], names_of(words[3]), addresses_of(words, 4));
  if (what == "remove" && words.size() == 3) return bridge::remove_names(words[1], words[2]);
  return postern::fail(kUsage);
}

int run(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const Status done = words.size() < 2 ? postern::fail(kUsage) : perform(words);
  if (done) return 0;
  std::fprintf(stderr, "postern-names: %s\n", done.error().message().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) { return postern::lab::run_program("postern-names", run, argc, argv); }
