// message_channel.h - a SOCK_SEQPACKET pair between a process of ours and its child: small messages with descriptors, unix(7).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::process {

struct Message {
  std::string text;
  std::vector<UniqueFd> descriptors;
};

class [[nodiscard]] MessageChannel {
 public:
  static constexpr size_t kMaxText = 4096;
  static constexpr size_t kMaxDescriptors = 8;

  static Result<std::pair<MessageChannel, MessageChannel>> make_pair();
  explicit MessageChannel(UniqueFd socket) : socket_(std::move(socket)) {}

  /// Descriptors are duplicated into the receiver; the caller keeps its own.
  Status send(std::string_view text, std::span<const int> descriptors = {}) const;
  /// Blocks. Nothing: the other side has gone.
  Result<std::optional<Message>> receive() const;
  int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
};

/// The answer of a child to "how did it go": what it has to tell, with descriptors, or its Error, which travels as text.
Status send_outcome(const MessageChannel& channel, const Result<std::string>& outcome, std::span<const int> descriptors = {});
/// The other half. Errors: the child's own, or that it died before it answered.
Result<Message> receive_outcome(const MessageChannel& channel);

}  // namespace postern::process
