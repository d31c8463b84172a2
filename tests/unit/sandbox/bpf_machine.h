// bpf_machine.h - runs a seccomp program as data: the part of classic BPF that the kernel lets such a program use, seccomp(2).
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>
#include <optional>
#include <span>

namespace postern::sandbox {

/// The action (SECCOMP_RET_...), or nothing if the program runs off its end or does what seccomp_check_filter() refuses.
inline std::optional<uint32_t> run_filter(std::span<const sock_filter> program, const seccomp_data& data) {
  uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& op = program[at];
    const uint32_t operand = BPF_SRC(op.code) == BPF_X ? x : op.k;
    const auto branch = [&](bool taken) { at += taken ? op.jt : op.jf; };
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (op.k % 4 || op.k >= sizeof data) return std::nullopt;
        std::memcpy(&a, reinterpret_cast<const char*>(&data) + op.k, sizeof a);
        break;
      case BPF_LD | BPF_IMM: a = op.k; break;
      case BPF_LDX | BPF_IMM: x = op.k; break;
      case BPF_LD | BPF_MEM: a = memory[op.k % BPF_MEMWORDS]; break;
      case BPF_LDX | BPF_MEM: x = memory[op.k % BPF_MEMWORDS]; break;
      case BPF_ST: memory[op.k % BPF_MEMWORDS] = a; break;
      case BPF_STX: memory[op.k % BPF_MEMWORDS] = x; break;
      case BPF_MISC | BPF_TAX: x = a; break;
      case BPF_MISC | BPF_TXA: a = x; break;
      case BPF_ALU | BPF_AND | BPF_K:
      case BPF_ALU | BPF_AND | BPF_X: a &= operand; break;
      case BPF_ALU | BPF_OR | BPF_K:
      case BPF_ALU | BPF_OR | BPF_X: a |= operand; break;
      case BPF_JMP | BPF_JA: at += op.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JEQ | BPF_X: branch(a == operand); break;
      case BPF_JMP | BPF_JGT | BPF_K:
      case BPF_JMP | BPF_JGT | BPF_X: branch(a > operand); break;
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_X: branch(a >= operand); break;
      case BPF_JMP | BPF_JSET | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_X: branch(a & operand); break;
      case BPF_RET | BPF_K: return op.k;
      case BPF_RET | BPF_A: return a;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace postern::sandbox
