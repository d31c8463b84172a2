// browser.h - Chromium, headless, in a network namespace without a network, driven through a pipe of the DevTools protocol: what
// a page does is asked of its document.
//
//   test ── fd 3: requests, JSON, each ended by a NUL ──► chromium ── a file ──► document
//        ◄─ fd 4: answers and events ────────────────────
//
// What a page complains of (an uncaught error, a console error, something that its policy refused) and every request but the one
// for itself is collected: problems().
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "postern/base/unique_fd.h"

namespace postern::page {

class Browser {
 public:
  /// Empty: there is none.
  static std::string program();

  /// Throws std::runtime_error, which GoogleTest makes the test's failure, where it does not start; so do the others.
  Browser();
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  /// Shows `document`, from a file, and waits until it says that it is ready.
  void open(const std::string& document);
  /// The same for a document that will not say so: waits until it is loaded.
  void open_without_waiting(const std::string& document);
  /// What the expression is in the page, as JSON; a promise is waited for.
  nlohmann::json evaluate(const std::string& expression);
  /// A key, pressed and released: "ArrowDown".
  void press(const std::string& key);
  /// A command of the protocol, to the page.
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object());
  /// A picture of what can be seen, a PNG in base64.
  std::string picture();

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void start();
  void wait_for(const std::string& event);
  nlohmann::json receive();
  void take_note(const nlohmann::json& event);
  nlohmann::json send(nlohmann::json message);

  std::filesystem::path folder_;  // profile and pages; goes with the browser
  UniqueFd to_, from_;
  pid_t pid_ = -1;
  int last_id_ = 0;
  std::string session_, received_, address_;
  std::vector<std::string> events_;  // names of those that came
  std::vector<std::string> problems_;
};

}  // namespace postern::page
