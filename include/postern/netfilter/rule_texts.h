// rule_texts.h - the rules of a namespace in words, by their handles, and which hook a chain hangs on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netfilter {

/// As they were when they were read. A table is named with its family: "inet postern".
class RuleTexts {
 public:
  /// `listing`: what Nftables::list_ruleset_text() has, that is `nft --handle --stateless --terse list ruleset`. Lines that are
  /// not understood are passed over. Pure.
  static RuleTexts parse(std::string_view listing);

  /// As nft prints it, without what its counters have counted; empty: there is no such rule, or it stands in a chain without a
  /// name. Handles are a table's, not a chain's.
  std::string_view rule(const std::string& table, uint64_t handle) const;
  /// "prerouting", "ingress"; empty: it is no base chain, or there is none.
  std::string_view hook(const std::string& table, const std::string& chain) const;

 private:
  class Reader;
  std::map<std::pair<std::string, uint64_t>, std::string> rules_;
  std::map<std::pair<std::string, std::string>, std::string> hooks_;
};

/// The number of the ruleset, which another takes whenever somebody changes it: then texts are out of date, and a table that was
/// made anew gives the handles of the old one to rules of its own.
class RulesetGeneration {
 public:
  /// Of the calling thread's network namespace; it stays tied to that. Errors: EPROTONOSUPPORT.
  static Result<RulesetGeneration> open();
  Result<uint32_t> now() const;

 private:
  explicit RulesetGeneration(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace postern::netfilter
