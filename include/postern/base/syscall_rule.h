// syscall_rule.h - one line of a room's list of system calls: what its code needs once the process is locked down.
//
// Each room that runs behind the sandbox exports its list beside the code that makes the calls (`syscalls()` in one of its
// doors); the sandbox makes one filter of them all. A rule without conditions allows the call whatever its arguments are.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace postern {

/// Holds where (argument & mask) == value. Arguments are counted from 0, syscall(2); pointers cannot be looked behind.
struct ArgumentIs {
  unsigned argument = 0;
  uint64_t mask = 0;  // 0: no condition
  uint64_t value = 0;
};

/// A condition on all of an argument that C passes as an int: its upper half is not defined by the ABI, so it is not looked at.
constexpr ArgumentIs int_argument_is(unsigned argument, uint32_t value) { return {argument, UINT32_MAX, value}; }

/// `name` as in the kernel's tables ("epoll_wait"); one that an architecture does not have is left out there.
/// All conditions must hold. Several rules of one name: any may hold.
struct SyscallRule {
  std::string_view name;
  std::array<ArgumentIs, 3> conditions{};
  int refusal = 0;  // instead of being allowed, the call fails with this errno: for a library that then tries another way
};

using SyscallRules = std::span<const SyscallRule>;

}  // namespace postern
