// ruleset_generation.cpp - NFT_MSG_GETGEN, asked and answered.
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "postern/netfilter/rule_texts.h"

namespace postern::netfilter {
namespace {

constexpr std::string_view kDoing = "ask for the ruleset's number";
constexpr uint16_t kAsk = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, kAnswer = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;

int take_number(const nlattr* attribute, void* number) noexcept {
  if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
    *static_cast<uint32_t*>(number) = ntohl(mnl_attr_get_u32(attribute));
  return MNL_CB_OK;
}

}  // namespace

Result<RulesetGeneration> RulesetGeneration::open() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket) return fail_errno(kDoing);
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) return fail_errno(kDoing);
  return RulesetGeneration(std::move(socket));
}

Result<uint32_t> RulesetGeneration::now() const {
  alignas(nlmsghdr) std::array<std::byte, 8192> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = kAsk;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(nfgenmsg)));
  header->version = NFNETLINK_V0;
  if (::send(socket_.get(), request, request->nlmsg_len, 0) < 0) return fail_errno(kDoing);
  // The kernel has answered within the send: there is nothing to wait for.
  const ssize_t length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length < 0) return fail_errno(kDoing);
  const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
  if (!mnl_nlmsg_ok(answer, static_cast<int>(length)) || answer->nlmsg_type != kAnswer)
    return fail(std::errc::operation_not_permitted, std::string(kDoing));
  uint32_t number = 0;
  (void)mnl_attr_parse(answer, sizeof(nfgenmsg), take_number, &number);
  return number;
}

}  // namespace postern::netfilter
