// recording.h - --pcap: the frames of the namespace, both ways, as they pass the TAP, in a file.
#pragma once

#include <memory>
#include <string>

#include "postern/capture/pcap_file.h"
#include "postern/loop/event_loop.h"
#include "postern/relay/relay.h"

namespace postern::cli {

class Recording final : private relay::Recorder {
 public:
  /// Both must outlive it. Before the sandbox. Errors: capture::PcapFile::create()'s.
  static Result<std::unique_ptr<Recording>> begin(loop::EventLoop& loop, relay::Relay& relay, const std::string& path);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();

 private:
  Recording(loop::EventLoop& loop, relay::Relay& relay, capture::PcapFile file);
  void passes(std::span<const iovec> frame) override;
  void flush();
  void check(const Status& written);

  loop::EventLoop& loop_;
  relay::Relay& relay_;
  capture::PcapFile file_;
  loop::EventLoop::Timer flush_;
  bool is_flush_due_ = false;
  bool has_failed_ = false;
};

}  // namespace postern::cli
