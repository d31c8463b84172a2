// kernel_symbols_test.cpp - addresses and the functions that they lie in.
#include "kernel_symbols.h"

#include <gtest/gtest.h>

namespace postern::probes {
namespace {

constexpr std::string_view kText =
    "ffffffff81000000 T _text\n"
    "ffffffff81002000 t nft_do_chain\n"
    "ffffffff81001000 T ip_rcv\n"
    "ffffffff81001800 D a_variable\n"
    "ffffffffc0001000 t nf_hook\t[nf_tables]\n"
    "not a line of it\n"
    "ffffffff81003000 T\n";

TEST(KernelSymbols, AnAddressLiesInTheLastFunctionThatBeginsBeforeIt) {
  const KernelSymbols symbols = KernelSymbols::parse(kText);
  EXPECT_EQ(symbols.function_at(0xffffffff81001000), "ip_rcv");
  EXPECT_EQ(symbols.function_at(0xffffffff81001fff), "ip_rcv") << "variables do not count";
  EXPECT_EQ(symbols.function_at(0xffffffff810025ad), "nft_do_chain");
  EXPECT_EQ(symbols.function_at(0xffffffffc0001010), "nf_hook") << "without its module";
}

TEST(KernelSymbols, BeforeTheFirstThereIsNone) { EXPECT_EQ(KernelSymbols::parse(kText).function_at(0xffffffff80000000), ""); }

TEST(KernelSymbols, HiddenAddressesNameNothing) {
  const KernelSymbols symbols = KernelSymbols::parse("0000000000000000 T ip_rcv\n0000000000000000 T tcp_v4_rcv\n");
  EXPECT_EQ(symbols.function_at(0xffffffff81001000), "");
}

TEST(LazyKernelSymbols, AFileThatCannotBeReadNamesNothing) {
  EXPECT_EQ(LazyKernelSymbols("/nonexistent/kallsyms").function_at(1), "");
}

}  // namespace
}  // namespace postern::probes
