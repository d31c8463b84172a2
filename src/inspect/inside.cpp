#include "inside.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/netlink/socket.h"
#include "postern/process/child.h"

#include "archive.h"
#include "listeners.h"
#include "ruleset.h"
#include "settings.h"
#include "stack_tables.h"
#include "view_fields.h"

namespace postern::inspect {

namespace {

/// What the child sends: `inside`, unless there is an error.
struct Answer {
  int error_number = 0;
  std::string error;  // empty: none
  Inside inside;
};

template <class Archive>
void fields(Archive& archive, Answer& answer) {
  archive(answer.error_number, answer.error, answer.inside.view, answer.inside.listener_inodes);
}

Status go_there(const netns::NamespaceHandle& target) {
  const auto here = netns::identity_of(std::string("/proc/thread-self/ns/net"));
  const auto there = netns::identity_of(target.network.get());
  if (here && there && *here == *there) return {};  // a caller without any power may look at his own
  return netns::enter(target);
}

void read_all_but_devices(netlink::Socket& socket, Inside& inside) {
  NamespaceView& view = inside.view;
  read_tables(socket, view);
  for (FoundListener& found : read_listeners(view.unread)) {
    view.listeners.push_back(std::move(found.listener));
    inside.listener_inodes.push_back(found.socket_inode);
  }
  read_settings(view);
  read_ruleset(view);
}

Result<Inside> look(const netns::NamespaceHandle& target, const std::vector<OpenNamespace>& others, Depth depth) {
  POSTERN_CHECK(go_there(target), "inspect");
  POSTERN_TRY(socket, netlink::Socket::open(), "inspect");
  Inside inside;
  POSTERN_CHECK(read_devices(socket, others, inside.view), "inspect");
  if (depth == Depth::whole) read_all_but_devices(socket, inside);
  return inside;
}

Status send(const UniqueFd& memory, Answer answer) {
  Writer writer;
  fields(writer, answer);
  std::string_view rest = writer.bytes();
  while (!rest.empty()) {
    const ssize_t written = ::write(memory.get(), rest.data(), rest.size());
    if (written < 0) return fail_errno("write");
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Answer answer_of(Result<Inside> seen) {
  if (seen) return {.error_number = 0, .error = {}, .inside = std::move(*seen)};
  return {.error_number = seen.error().code.value(), .error = seen.error().context, .inside = {}};
}

Result<Inside> receive(const UniqueFd& memory) {
  const auto bytes = read_file(path_of(memory));
  if (!bytes) return Failure(bytes.error());
  Answer answer;
  Reader reader(*bytes);
  fields(reader, answer);
  if (!reader.done()) return fail("inspect: a process of ours died before it answered");
  if (answer.error.empty()) return std::move(answer.inside);
  return Failure(Error{{answer.error_number, std::system_category()}, answer.error});
}

}  // namespace

std::vector<OpenNamespace> open_all(const netns::Census& census) {
  std::vector<OpenNamespace> all;
  for (const netns::SeenNamespace& seen : census.namespaces) {
    UniqueFd network(::open(seen.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const auto identity = network ? netns::identity_of(network.get()) : Failure(Error{});
    if (identity && identity->inode == seen.inode) all.push_back({seen.inode, std::move(network)});
  }
  return all;
}

Result<Inside> look_inside(const netns::NamespaceHandle& target, const std::vector<OpenNamespace>& others, Depth depth) {
  const UniqueFd memory(::memfd_create("inside", MFD_CLOEXEC));
  if (!memory) return fail_errno("memfd_create");
  POSTERN_TRY(child, process::Child::fork(0, [&] { return send(memory, answer_of(look(target, others, depth))) ? 0 : 1; }),
              "inspect");
  if (const auto ended = child.wait(); !ended) return Failure(ended.error());
  return receive(memory);
}

}  // namespace postern::inspect
