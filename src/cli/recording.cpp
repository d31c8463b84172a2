#include "recording.h"

#include <csignal>

#include "postern/base/log.h"

namespace postern::cli {

namespace {

/// So long at most somebody who reads the file while we run waits for a frame that has passed.
constexpr std::chrono::milliseconds kFlushAfter{200};

/// A file that has grown to RLIMIT_FSIZE shall be an error of write(2), and not our end.
void block_file_size_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGXFSZ);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

Recording::Recording(loop::EventLoop& loop, relay::Relay& relay, capture::PcapFile file)
    : loop_(loop), relay_(relay), file_(std::move(file)), flush_(loop, [this] { flush(); }) {
  relay_.set_recorder(this);
}

Recording::~Recording() {
  relay_.set_recorder(nullptr);
  flush();
}

Result<std::unique_ptr<Recording>> Recording::begin(loop::EventLoop& loop, relay::Relay& relay, const std::string& path) {
  auto file = capture::PcapFile::create(path, capture::PcapFile::Begins::ethernet);
  if (!file) return within("--pcap", file.error());
  block_file_size_signal();
  return std::unique_ptr<Recording>(new Recording(loop, relay, *std::move(file)));
}

void Recording::passes(std::span<const iovec> frame) {
  if (has_failed_) return;
  check(file_.add(frame, std::chrono::system_clock::now()));
  if (std::exchange(is_flush_due_, true)) return;
  flush_.set(loop_.now() + kFlushAfter);
}

void Recording::flush() {
  is_flush_due_ = false;
  if (!has_failed_) check(file_.flush());
}

/// The network is worth more than the record of it.
void Recording::check(const Status& written) {
  if (written) return;
  has_failed_ = true;
  log::warning("--pcap: {}: nothing more is recorded", written.error().message());
}

}  // namespace postern::cli
