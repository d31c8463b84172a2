// checksum.cpp - sums whole words in the machine's own byte order, which RFC 1071 2 (B) shows to give the right sum, swapped;
// finish() swaps it back. The compiler turns the one loop into vector code.
#include "postern/wire/checksum.h"

#include <arpa/inet.h>

#include <cstring>

namespace postern::wire {

namespace {

template <class Word>
uint64_t load_native(const uint8_t* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

uint64_t sum(Bytes bytes, uint64_t so_far) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 4; at += 4, left -= 4) so_far += load_native<uint32_t>(at);  // 2^32 words fit before the sum overflows
  if (left >= 2) {
    so_far += load_native<uint16_t>(at);
    at += 2;
    left -= 2;
  }
  if (left == 1) {  // the last octet is the upper half of a word, RFC 1071 1
    const uint8_t padded[2] = {*at, 0};
    so_far += load_native<uint16_t>(padded);
  }
  return so_far;
}

uint64_t pseudo_header(const IpAddress& source, const IpAddress& destination, Protocol protocol, size_t length_bytes) {
  const auto address_sum = [](const IpAddress& address) -> uint64_t {
    if (const auto* v4 = std::get_if<Ipv4>(&address)) return v4->to_wire().s_addr;
    return sum(std::get<Ipv6>(address).octets);
  };
  return address_sum(source) + address_sum(destination) + htons(static_cast<uint8_t>(protocol)) +
         htonl(static_cast<uint32_t>(length_bytes));
}

uint16_t finish(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ntohs(static_cast<uint16_t>(~sum));
}

}  // namespace postern::wire
