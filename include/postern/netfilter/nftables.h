// nftables.h - the kernel's packet filter, spoken to in the words of nft(8) by libnftables.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "postern/base/result.h"

struct nft_ctx;  // libnftables(3)

namespace postern::netfilter {

/// Acts on the network namespace in which it was opened; its user has to stay there. For one thread at a time. One for several
/// commits is a little cheaper than one for each; README.md has what they cost.
class Nftables {
 public:
  /// Errors: EPROTONOSUPPORT where the kernel has no nf_tables; EPERM without CAP_NET_ADMIN in the user namespace that owns the
  /// network namespace.
  static Result<Nftables> open();

  /// Statements of nft(8), one a line: all of them or none. Statements that list do not belong here. The code of an error is the
  /// errno that libnftables tells in words: EEXIST, ENOENT, EBUSY, EPERM, ENOMEM, ...; none for a text that is not nft's
  /// language.
  Status commit(const std::string& commands);

  /// What `nft -j list WHAT` prints, libnftables-json(5): "table inet postern", "chain inet postern forward". Fetches every
  /// element of every set of the table, terse or not. Errors: ENOENT when there is none.
  Result<std::string> list_json(const std::string& what);
  /// The tables' chains of everybody in the namespace, with hook, priority and policy, but without rules and elements, which
  /// makes it cheap: for finding those that drop what they do not know. Those of iptables-legacy are not among them.
  Result<std::string> list_ruleset_json();
  /// What `nft -t -y list ruleset` prints: all of everybody's, in nft(8)'s words, priorities as numbers, sets without elements.
  Result<std::string> list_ruleset_text();

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  using Context = std::unique_ptr<nft_ctx, Free>;
  explicit Nftables(Context context) : context_(std::move(context)) {}
  Status run(const std::string& commands, std::string_view doing);
  Result<std::string> list(const std::string& what);

  Context context_;
};

}  // namespace postern::netfilter
