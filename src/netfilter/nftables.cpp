// nftables.cpp - libnftables, whose words become errors.
#include "postern/netfilter/nftables.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>

#include "complaint.h"
#include "probe.h"

namespace postern::netfilter {
namespace {

/// Output of another kind for as long as it lives.
class OutputFlags {
 public:
  OutputFlags(nft_ctx* context, unsigned flags) : context_(context) { nft_ctx_output_set_flags(context_, flags); }
  ~OutputFlags() { nft_ctx_output_set_flags(context_, 0); }
  OutputFlags(const OutputFlags&) = delete;

 private:
  nft_ctx* context_;
};

}  // namespace

void Nftables::Free::operator()(nft_ctx* context) const { nft_ctx_free(context); }

Result<Nftables> Nftables::open() {
  POSTERN_CHECK(probe(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, "nf_tables"), "nftables");
  Context context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0)
    return fail(std::errc::not_enough_memory, "nftables");
  return Nftables(std::move(context));
}

Status Nftables::run(const std::string& commands, std::string_view doing) {
  const bool done = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
  const Error complaint =
      parse_complaint(nft_ctx_get_error_buffer(context_.get()));  // and so the buffer is empty for the next one
  if (done) return {};
  if (complaint.context.empty()) return Failure(Error{complaint.code, std::string(doing)});
  return within(doing, complaint);
}

Status Nftables::commit(const std::string& commands) {
  Status status = run(commands, "change nftables");
  (void)nft_ctx_get_output_buffer(context_.get());  // empties it
  return status;
}

Result<std::string> Nftables::list(const std::string& what) {
  const Status status = run("list " + what, "list " + what);
  std::string text = nft_ctx_get_output_buffer(context_.get());
  if (!status) return Failure(status.error());
  return text;
}

Result<std::string> Nftables::list_json(const std::string& what) {
  const OutputFlags json(context_.get(), NFT_CTX_OUTPUT_JSON);
  return list(what);
}

Result<std::string> Nftables::list_ruleset_json() { return list_json("chains"); }

Result<std::string> Nftables::list_ruleset_text() {
  const OutputFlags terse(context_.get(), NFT_CTX_OUTPUT_TERSE | NFT_CTX_OUTPUT_NUMERIC_PRIO);
  return list("ruleset");
}

}  // namespace postern::netfilter
