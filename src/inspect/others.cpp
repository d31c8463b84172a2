#include "others.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "postern/netlink/namespace_id.h"
#include "postern/netns/namespace.h"

namespace postern::inspect {

namespace {

UniqueFd open_other(const Other& other) {
  UniqueFd network(::open(other.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const auto identity = network ? netns::identity_of(network.get()) : Failure(Error{});
  return identity && identity->inode == other.inode ? std::move(network) : UniqueFd();
}

}  // namespace

std::vector<Other> others_of(const netns::Census& census) {
  std::vector<Other> others;
  for (const netns::SeenNamespace& seen : census.namespaces) others.push_back({seen.inode, seen.path, UniqueFd()});
  return others;
}

void open_ahead(std::vector<Other>& others) {
  constexpr size_t kLeft = 16;
  for (size_t i = 0; i < others.size(); ++i) {
    errno = 0;
    others[i].network = open_other(others[i]);
    if (others[i].network || errno != EMFILE) continue;
    for (size_t last = i - std::min(i, kLeft); last < i; ++last) others[last].network.reset();
    return;
  }
}

std::optional<int> id_of(const Other& other, netlink::Socket& socket) {
  const UniqueFd opened = other.network ? UniqueFd() : open_other(other);
  const UniqueFd& network = other.network ? other.network : opened;
  if (!network) return std::nullopt;
  return netlink::namespace_id(socket, network.get()).value_or(std::nullopt);
}

}  // namespace postern::inspect
