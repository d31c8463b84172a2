// rule_texts.cpp - reads what nft prints: a block for each table, in it one for each chain, a rule a line. A rule that jumps to a
// chain without a name holds that chain's rules, which have no handles, between braces on lines of their own.
#include "postern/netfilter/rule_texts.h"

#include <optional>

#include "postern/base/text.h"

namespace postern::netfilter {
namespace {

constexpr std::string_view kHandle = "# handle ";

struct Line {
  std::string_view body;
  std::optional<uint64_t> handle;
};

/// `tcp dport 22 accept # handle 7`; behind a table's handle its owner may stand.
Line split(std::string_view text) {
  text = trim(text);
  const size_t at = text.rfind(kHandle);
  if (at == text.npos) return {text, std::nullopt};
  std::string_view rest = text.substr(at + kHandle.size());
  const auto handle = whole_number<uint64_t>(take_word(rest));
  if (!handle) return {text, std::nullopt};  // in a comment of somebody's
  return {trim(text.substr(0, at)), handle};
}

/// The words of `line` between `keyword` and the brace that opens a block: "inet postern".
std::optional<std::string> block_name(std::string_view line, std::string_view keyword) {
  if (!line.starts_with(keyword) || !line.ends_with("{")) return std::nullopt;
  line.remove_prefix(keyword.size());
  line.remove_suffix(1);
  return std::string(trim(line));
}

/// "type filter hook forward priority filter; policy drop;" -> "forward"
std::string hook_of(std::string_view line) {
  if (!line.starts_with("type ")) return {};
  while (!line.empty()) {
    if (take_word(line) == "hook") return std::string(take_word(line));
  }
  return {};
}

}  // namespace

class RuleTexts::Reader {
 public:
  explicit Reader(RuleTexts& texts) : texts_(texts) {}

  void take(std::string_view text) {
    const Line line = split(text);
    if (line.body.empty()) return;
    if (line.body == "}") {
      close(line);
    } else if (depth_ == 0) {
      if (auto name = block_name(line.body, "table ")) table_ = *std::move(name);
    } else if (depth_ == 1) {
      chain_ = block_name(line.body, "chain ");
    } else if (chain_) {
      in_chain(line);
    }
    if (line.body.ends_with("{")) ++depth_;
  }

 private:
  void in_chain(const Line& line) {
    if (depth_ > 2 || line.body.ends_with("{")) {
      if (!nested_.empty()) nested_ += nested_.ends_with("{") ? " " : "; ";
      nested_ += line.body;
    } else if (line.handle) {
      texts_.rules_[{table_, *line.handle}] = line.body;
    } else if (std::string hook = hook_of(line.body); !hook.empty()) {
      texts_.hooks_[{table_, *chain_}] = std::move(hook);
    }
  }

  void close(const Line& line) {
    if (depth_ > 2) nested_ += " }";
    if (depth_ == 3 && line.handle && chain_) texts_.rules_[{table_, *line.handle}] = nested_;
    if (depth_ <= 3) nested_.clear();
    if (depth_ > 0) --depth_;
  }

  RuleTexts& texts_;
  int depth_ = 0;  // 1: in a table, 2: in a chain or a set of it, 3: in a rule with rules of its own
  std::string table_;
  std::optional<std::string> chain_;
  std::string nested_;  // a rule with braces, as far as it was read
};

RuleTexts RuleTexts::parse(std::string_view listing) {
  RuleTexts texts;
  Reader reader(texts);
  while (!listing.empty()) reader.take(take_line(listing));
  return texts;
}

std::string_view RuleTexts::rule(const std::string& table, uint64_t handle) const {
  const auto found = rules_.find({table, handle});
  return found == rules_.end() ? std::string_view() : found->second;
}

std::string_view RuleTexts::hook(const std::string& table, const std::string& chain) const {
  const auto found = hooks_.find({table, chain});
  return found == hooks_.end() ? std::string_view() : found->second;
}

}  // namespace postern::netfilter
