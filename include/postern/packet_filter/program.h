/* program.h - a packet filter as it is evaluated: by our own code, and by the probes in the kernel, for which this file is C and
 * compiles for BPF. A program is a list of tests over the facts of one packet; each test says where to go on, forwards only, so
 * that it ends. Addresses and ports are as on the wire. */
#pragma once

#include <linux/types.h>

enum pf_limits { PF_MAX_STEPS = 32, PF_MAX_PROTOCOLS = 4 };
enum pf_target { PF_ACCEPT = 254, PF_REJECT = 255 }; /* instead of a step's number */

/* What the tests look at. Where a packet has none (the ports of ICMP, or of a fragment that is not the first): 0, and has_ports
 * 0. */
struct pf_facts {
  __u8 family;   /* 4, 6; 0: neither, which no test but PF_TRUE takes */
  __u8 protocol; /* IPPROTO_TCP, ...; of IPv6: of the last header that was found */
  __u8 has_ports;
  __u8 unused;
  __be16 source_port, destination_port;
  __be32 source[4], destination[4]; /* IPv4: the first word alone, the others 0 */
};

enum pf_test_kind { PF_TRUE, PF_FAMILY, PF_PROTOCOL, PF_NET, PF_PORT };
enum pf_side { PF_SOURCE = 1, PF_DESTINATION = 2, PF_EITHER = 3, PF_BOTH = 4 }; /* of PF_NET and PF_PORT */

struct pf_step {
  __u8 kind; /* pf_test_kind */
  __u8 side;
  __u8 on_true, on_false; /* a later step, PF_ACCEPT or PF_REJECT */
  __u8 value;             /* PF_FAMILY: 4, 6, also of PF_NET; PF_PROTOCOL: the number */
  __u8 unused;
  __u16 low, high;  /* PF_PORT: host order, both included */
  __u16 unused_too; /* so that programs which say the same are the same bytes */
  __be32 network[4], mask[4];
};

struct pf_program {
  __u32 steps; /* 1 to PF_MAX_STEPS; the first is number 0 */
  /* A packet of another protocol cannot match, whatever address translation did to it: a test that is cheaper than all others.
   * Count 0: any may. */
  __u32 protocols;
  __u8 protocol[PF_MAX_PROTOCOLS];
  struct pf_step step[PF_MAX_STEPS];
};

static inline int pf_in_net(const struct pf_step* step, const __be32* address) {
  for (int i = 0; i < 4; ++i)
    if ((address[i] & step->mask[i]) != step->network[i]) return 0;
  return 1;
}

static inline int pf_in_range(const struct pf_step* step, __be16 port) {
  const __u16 number = __builtin_bswap16(port); /* every host that we are built for is little-endian */
  return step->low <= number && number <= step->high;
}

static inline int pf_on_sides(__u8 side, int source, int destination) {
  switch (side) {
    case PF_SOURCE: return source;
    case PF_DESTINATION: return destination;
    case PF_BOTH: return source && destination;
    default: return source || destination;
  }
}

static inline int pf_test(const struct pf_step* step, const struct pf_facts* facts) {
  switch (step->kind) {
    case PF_TRUE: return 1;
    case PF_FAMILY: return facts->family == step->value;
    case PF_PROTOCOL: return facts->family != 0 && facts->protocol == step->value;
    case PF_NET:
      return facts->family == step->value &&
             pf_on_sides(step->side, pf_in_net(step, facts->source), pf_in_net(step, facts->destination));
    case PF_PORT:
      return facts->has_ports &&
             pf_on_sides(step->side, pf_in_range(step, facts->source_port), pf_in_range(step, facts->destination_port));
    default: return 0;
  }
}

/* Whether the packet is one that the filter wants: 1 or 0. In the order of the steps' numbers, so that BPF's verifier knows each
 * number when it comes to it. */
static inline int pf_matches(const struct pf_program* program, const struct pf_facts* facts) {
  __u32 next = 0;
  for (__u32 i = 0; i < PF_MAX_STEPS; ++i) {
    if (i >= program->steps) break;
    if (i != next) continue;
    const struct pf_step* step = &program->step[i];
    next = pf_test(step, facts) ? step->on_true : step->on_false;
    if (next >= PF_ACCEPT) return next == PF_ACCEPT;
  }
  return 0;
}
