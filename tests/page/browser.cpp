#include "browser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace postern::page {
namespace {

constexpr std::chrono::seconds kPatience{60};  // a limit, reached only when something is wrong

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::filesystem::path make_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "postern-page-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
  return path;
}

// A user namespace of its own makes a network namespace possible for an ordinary user, and Chromium's sandbox impossible.
std::vector<std::string> command(const std::string& folder) {
  return {"unshare",
          "--user",
          "--map-root-user",
          "--net",
          Browser::program(),
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-dev-shm-usage",
          "--disable-breakpad",
          "--disable-extensions",
          "--disable-background-networking",
          "--disable-component-update",
          "--no-first-run",
          "--window-size=1600,1100",
          "--remote-debugging-pipe",
          "--user-data-dir=" + folder + "/profile",
          "about:blank"};
}

// In the child, between fork and exec: only what signal-safety(7) allows.
[[noreturn]] void become(char* const* arguments, int requests, int answers, int log) {
  ::setpgid(0, 0);
  // Out of the way of 3 and 4 first.
  const int in = ::fcntl(requests, F_DUPFD, 10);
  const int out = ::fcntl(answers, F_DUPFD, 10);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::dup2(in, 3);
  ::dup2(out, 4);
  ::close(in);
  ::close(out);
  ::execvp(arguments[0], arguments);
  ::_exit(127);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string Browser::program() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/bin";
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    for (const char* name : {"chromium", "chromium-browser"}) {
      std::string candidate = fmt::format("{}/{}", folder, name);
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  return {};
}

Browser::Browser() : folder_(make_folder()) {
  start();
  const auto target = send({{"method", "Target.createTarget"}, {"params", {{"url", "about:blank"}}}});
  const auto session =
      send({{"method", "Target.attachToTarget"}, {"params", {{"targetId", target["targetId"]}, {"flatten", true}}}});
  session_ = session["sessionId"];
  for (const char* domain : {"Runtime", "Log", "Page", "Network"}) call(std::string(domain) + ".enable");
}

void Browser::start() {
  Pipe requests = make_pipe();
  Pipe answers = make_pipe();
  const UniqueFd log(::open((folder_ / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  // Nothing of the caller's desktop counts.
  for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"}) ::setenv(name, folder_.c_str(), 1);
  std::vector<std::string> words = command(folder_);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a browser that has gone is an error of write(2)
  pid_ = ::fork();
  if (pid_ == 0) become(arguments.data(), requests.read.get(), answers.write.get(), log.get());
  if (pid_ < 0) throw std::runtime_error("fork");
  ::setpgid(pid_, pid_);  // whoever comes first
  to_ = std::move(requests.write);
  from_ = std::move(answers.read);
}

Browser::~Browser() {
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  // Its helpers die at their own pace, and may still write.
  std::error_code error;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::filesystem::remove_all(folder_, error);
    if (!error) break;
    ::poll(nullptr, 0, 1);
  }
}

nlohmann::json Browser::receive() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (size_t nul = 0; (nul = received_.find('\0')) == std::string::npos;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd readable{from_.get(), POLLIN, 0};
    std::array<char, 65536> bytes;
    const bool is_ready = left.count() > 0 && ::poll(&readable, 1, static_cast<int>(left.count())) > 0;
    const ssize_t count = is_ready ? ::read(from_.get(), bytes.data(), bytes.size()) : -1;
    if (count <= 0) throw std::runtime_error("the browser says nothing; its log:\n" + text_of(folder_ / "log"));
    received_.append(bytes.data(), static_cast<size_t>(count));
  }
  const size_t nul = received_.find('\0');
  auto message = nlohmann::json::parse(received_.substr(0, nul));
  received_.erase(0, nul + 1);
  return message;
}

void Browser::take_note(const nlohmann::json& event) {
  const std::string method = event.value("method", "");
  const auto parameters = event.value("params", nlohmann::json::object());
  events_.push_back(method);
  if (method == "Runtime.exceptionThrown") problems_.push_back(parameters.dump());
  if (method == "Log.entryAdded" && parameters["entry"]["level"] != "verbose") problems_.push_back(parameters["entry"].dump());
  if (method == "Runtime.consoleAPICalled") problems_.push_back(parameters["args"].dump());
  if (method == "Network.requestWillBeSent") {
    const std::string url = parameters["request"]["url"];
    if (url.substr(0, url.find('#')) != address_) problems_.push_back("request for " + url);
  }
}

nlohmann::json Browser::send(nlohmann::json message) {
  const int id = ++last_id_;
  message["id"] = id;
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(to_.get(), text.data() + sent, text.size() - sent);
    if (count <= 0) throw std::runtime_error("the browser has gone; its log:\n" + text_of(folder_ / "log"));
    sent += static_cast<size_t>(count);
  }
  for (;;) {
    const nlohmann::json answer = receive();
    if (answer.value("id", 0) != id) {
      take_note(answer);
    } else if (answer.contains("error")) {
      throw std::runtime_error(fmt::format("{}: {}", message["method"].get<std::string>(), answer["error"].dump()));
    } else {
      return answer["result"];
    }
  }
}

nlohmann::json Browser::call(const std::string& method, const nlohmann::json& parameters) {
  return send({{"method", method}, {"params", parameters}});
}

void Browser::wait_for(const std::string& event) {
  while (std::find(events_.begin(), events_.end(), event) == events_.end()) take_note(receive());
}

void Browser::open_without_waiting(const std::string& document) {
  const std::filesystem::path file = folder_ / "page.html";
  std::ofstream(file) << document << std::flush;
  address_ = "file://" + file.string();
  events_.clear();
  call("Page.navigate", {{"url", address_}});
  wait_for("Page.loadEventFired");
}

void Browser::open(const std::string& document) {
  open_without_waiting(document);
  evaluate(R"(new Promise((done) => {
    const root = document.documentElement;
    const look = () => (root.dataset.ready || root.dataset.error ? done(true) : setTimeout(look, 1));
    look();
  }))");
}

nlohmann::json Browser::evaluate(const std::string& expression) {
  const auto answer = call("Runtime.evaluate", {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}});
  if (answer.contains("exceptionDetails")) throw std::runtime_error(expression + ": " + answer["exceptionDetails"].dump());
  return answer["result"].value("value", nlohmann::json());
}

void Browser::press(const std::string& key) {
  for (const char* type : {"keyDown", "keyUp"}) call("Input.dispatchKeyEvent", {{"type", type}, {"key", key}});
}

std::string Browser::picture() { return call("Page.captureScreenshot")["data"]; }

}  // namespace postern::page
