/* packet_probes.bpf.c - runs in the kernel, at the points of a packet's way (kernel_probes.h), and tells user space of the
 * packets that are meant. Every packet of the machine passes here, so nearly all of the work is to be done with those that are
 * not:
 *
 *   protocol byte is none of the filter's ──► leave                         two loads
 *   buffer is followed (LRU map) ───────────────────────┐
 *   connection is followed, or quoted by an ICMP error ─┤                   headers read, looked up
 *   filter matches ─────────────────────────────────────┴► follow buffer and connection, tell
 *
 * A packet is known again by the address of its data (skb->head, which clones share) or of its sk_buff (which stays when the data
 * are copied to be written to), as long as what no address translation changes is the same: else the memory has been used again.
 */
/* libbpf's headers want the kernel's before them. */
/* clang-format off */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
/* clang-format on */

#include "postern/packet_filter/program.h"

#include "kernel_types.h"
#include "record.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Set before the programs are loaded; the verifier then knows them and leaves out what cannot happen. */
const volatile struct pf_program filter = {};
const volatile __u32 follows_connections = 1;
const volatile __u32 watched_only = 0; /* tracepoints tell of `watched` namespaces alone */
const volatile __u32 can_cast = 1;     /* the kernel has bpf_rdonly_cast: Linux 6.2 */

extern void* bpf_rdonly_cast(const void* object, __u32 type) __ksym __weak;

enum { MAX_FOLLOWED = 16384, MAX_NAMESPACES = 4096 };

struct followed {
  __u64 mark; /* what address translation leaves */
  __u64 identity;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 2 * MAX_FOLLOWED);
  __type(key, __u64); /* address of the data, or of the sk_buff */
  __type(value, struct followed);
} followed_packets SEC(".maps");

/* The ports of an ICMP echo are its id. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 2 * MAX_FOLLOWED);
  __type(key, struct pf_facts);
  __type(value, __u8);
} followed_tuples SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, MAX_NAMESPACES);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u8);
} watched SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 << 20);
} records SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} lost SEC(".maps");

enum {
  ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_IPV6 = 0x86dd,
  ICMP = 1,
  TCP = 6,
  UDP = 17,
  ICMPV6 = 58,
  SCTP = 132,
  UDPLITE = 136,
  NOT_SET = 0xffff,
  MAC_BYTES = 14,
  NETFILTER_ACCEPT = 1,
};

/* Where a packet is seen. */
struct sighting {
  __u8 point;
  __u32 netns;
  const struct net_device* device;
  const unsigned char* header; /* the IP header */
  __u64 location;
  __u32 reason;
};

struct view {
  const unsigned char* header;
  __u32 available; /* bytes from there on that lie in one piece */
  __u32 is_ipv4;
  struct pf_facts facts;
  struct pf_facts tuple; /* key of followed_tuples; family 0: it names no connection */
  __u64 mark;
  __u32 transport;     /* offset of its header */
  __u32 is_icmp_error; /* and quotes the packet that it is about, 8 bytes behind `transport` */
};

/* --- those that are not meant --- */

static __always_inline __u8 protocol_byte(const unsigned char* header, int is_ipv4) {
  __u8 byte = 0;
  if (can_cast) {
    if (is_ipv4) return ((struct iphdr*)bpf_rdonly_cast(header, bpf_core_type_id_kernel(struct iphdr)))->protocol;
    return ((struct ipv6hdr*)bpf_rdonly_cast(header, bpf_core_type_id_kernel(struct ipv6hdr)))->nexthdr;
  }
  bpf_probe_read_kernel(&byte, 1, header + (is_ipv4 ? 9 : 6));
  return byte;
}

/* Hop-by-hop, routing, fragment, destination. Not AH: it is the packet's protocol, in IPv6 as in IPv4. */
static __always_inline int is_extension_header(__u8 next) { return next == 0 || next == 43 || next == 44 || next == 60; }

static __always_inline int protocol_is_wanted(__u8 protocol) {
  if (filter.protocols == 0) return 1;
  for (__u32 i = 0; i < PF_MAX_PROTOCOLS; ++i)
    if (i < filter.protocols && filter.protocol[i] == protocol) return 1;
  return 0;
}

/* Whether a look at one byte is enough to know that the packet is none of ours. ICMP may be about one that is. */
static __always_inline int is_excluded(const unsigned char* header, int is_ipv4) {
  if (filter.protocols == 0) return 0;
  const __u8 protocol = protocol_byte(header, is_ipv4);
  if (protocol_is_wanted(protocol)) return 0;
  if (follows_connections && protocol == (is_ipv4 ? ICMP : ICMPV6)) return 0;
  return is_ipv4 || !is_extension_header(protocol);
}

/* --- what the headers say --- */

static __always_inline void read_transport(struct view* view, __u32 identification) {
  const unsigned char* header = view->header;
  const __u32 available = view->available;
  union {
    __u8 bytes[12];
    __be16 half[6];
    __be32 word[3];
  } begin = {};
  const __u8 protocol = view->facts.protocol;
  const __u32 size = protocol == TCP || protocol == UDP || protocol == UDPLITE ? 12 : 8;
  view->mark = (__u64)protocol << 56 | (__u64)identification << 32;
  view->tuple = view->facts;
  if (view->transport + size > available) {
    /* A datagram of less than four bytes. */
    if (view->transport + 8 > available || bpf_probe_read_kernel(&begin, 8, header + view->transport)) return;
  } else if (bpf_probe_read_kernel(&begin, sizeof(begin), header + view->transport)) {
    return;
  }
  if (protocol == TCP || protocol == UDP || protocol == UDPLITE || protocol == SCTP) {
    view->facts.has_ports = 1;
    view->facts.source_port = view->tuple.source_port = begin.half[0];
    view->facts.destination_port = view->tuple.destination_port = begin.half[1];
    view->mark |= protocol == TCP ? begin.word[1] : begin.word[2]; /* sequence number; what is carried */
    return;
  }
  if (protocol != ICMP && protocol != ICMPV6) return;
  const __u8 type = begin.bytes[0];
  const int is_echo = protocol == ICMP ? type == 8 || type == 0 : type == 128 || type == 129;
  view->is_icmp_error =
      protocol == ICMP ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type >= 1 && type <= 4;
  view->mark |= (__u64)type << 48 | (is_echo ? begin.half[3] : 0);
  if (is_echo)
    view->tuple.source_port = view->tuple.destination_port = begin.half[2];
  else
    view->tuple.family = 0;
}

static __always_inline int read_ipv4(struct view* view) {
  const unsigned char* header = view->header;
  const __u32 available = view->available;
  __u8 bytes[20];
  if (available < sizeof(bytes) || bpf_probe_read_kernel(bytes, sizeof(bytes), header)) return 0;
  if (bytes[0] >> 4 != 4) return 0;
  view->facts.family = 4;
  view->facts.protocol = bytes[9];
  __builtin_memcpy(&view->facts.source[0], bytes + 12, 4);
  __builtin_memcpy(&view->facts.destination[0], bytes + 16, 4);
  view->transport = (bytes[0] & 15) * 4;
  const __u32 identification = bytes[4] << 8 | bytes[5];
  if (((bytes[6] & 0x1f) | bytes[7]) != 0) { /* a later fragment */
    view->mark = (__u64)bytes[9] << 56 | (__u64)identification << 32 | bytes[6] << 8 | bytes[7];
    return 1;
  }
  read_transport(view, identification);
  return 1;
}

enum { MAX_EXTENSION_HEADERS = 6 };

static __always_inline int read_ipv6(struct view* view) {
  const unsigned char* header = view->header;
  const __u32 available = view->available;
  __u8 bytes[40];
  if (available < sizeof(bytes) || bpf_probe_read_kernel(bytes, sizeof(bytes), header)) return 0;
  if (bytes[0] >> 4 != 6) return 0;
  view->facts.family = 6;
  __builtin_memcpy(view->facts.source, bytes + 8, 16);
  __builtin_memcpy(view->facts.destination, bytes + 24, 16);
  __u8 next = bytes[6];
  __u32 offset = sizeof(bytes), identification = (bytes[1] & 15) << 16 | bytes[2] << 8 | bytes[3];
  for (int i = 0; i < MAX_EXTENSION_HEADERS && is_extension_header(next); ++i) {
    __u8 extension[8];
    if (offset + 8 > available || bpf_probe_read_kernel(extension, 8, header + offset)) break;
    if (next == 44) {
      identification = extension[6] << 8 | extension[7];
      if ((extension[2] | (extension[3] & 0xf8)) != 0) {
        view->facts.protocol = extension[0];
        view->mark = (__u64)extension[0] << 56 | (__u64)identification << 32 | extension[2] << 8 | extension[3];
        return 1;
      }
    }
    offset += next == 44 ? 8 : (extension[1] + 1) * 8;
    next = extension[0];
  }
  view->facts.protocol = next;
  view->transport = offset;
  read_transport(view, identification);
  return 1;
}

/* Not static, like the others below: the verifier goes once through such a function, not once a way that leads to it. */
__noinline int read_headers(struct view* view) {
  if (!view) return 0;
  return view->is_ipv4 ? read_ipv4(view) : read_ipv6(view);
}

/* --- following --- */

static __always_inline struct pf_facts reversed(const struct pf_facts* tuple) {
  struct pf_facts back = *tuple;
  back.source_port = tuple->destination_port;
  back.destination_port = tuple->source_port;
  __builtin_memcpy(back.source, tuple->destination, sizeof(back.source));
  __builtin_memcpy(back.destination, tuple->source, sizeof(back.destination));
  return back;
}

__noinline int follow_connection(const struct pf_facts* tuple) {
  const __u8 yes = 1;
  if (!tuple || tuple->family == 0) return 0;
  const struct pf_facts there = *tuple, back = reversed(tuple);
  if (bpf_map_lookup_elem(&followed_tuples, &there)) return 0;
  bpf_map_update_elem(&followed_tuples, &there, &yes, BPF_ANY);
  bpf_map_update_elem(&followed_tuples, &back, &yes, BPF_ANY);
  return 0;
}

/* A key is a copy on the stack: verifiers before Linux 6.2 want it there. */
static __always_inline int tuple_is_followed(const struct pf_facts* tuple) {
  const struct pf_facts key = *tuple;
  return key.family != 0 && bpf_map_lookup_elem(&followed_tuples, &key) != 0;
}

__noinline int connection_is_followed(const struct view* view) {
  if (!view || !follows_connections) return 0;
  if (tuple_is_followed(&view->tuple)) return 1;
  if (!view->is_icmp_error) return 0;
  const __u32 quoted = view->transport + 8;
  if (quoted >= view->available) return 0;
  struct view about = {.header = view->header + quoted, .available = view->available - quoted, .is_ipv4 = view->is_ipv4};
  return read_headers(&about) && tuple_is_followed(&about.tuple);
}

__noinline int filter_matches(const struct pf_facts* facts) {
  if (!facts) return 0;
  const struct pf_program* program = (const struct pf_program*)&filter;
  asm volatile("" : "+r"(program)); /* or the compiler would take it for the zeros that it knows */
  if (!protocol_is_wanted(facts->protocol)) return 0;
  return pf_matches(program, facts);
}

/* The packet's identity; 0: it is none of ours. */
static __always_inline __u64 follow(const struct sk_buff* skb, const struct sighting* seen, const struct view* view) {
  const __u64 data = (__u64)skb->head, buffer = (__u64)skb;
  struct followed* by_data = bpf_map_lookup_elem(&followed_packets, &data);
  struct followed* by_buffer = bpf_map_lookup_elem(&followed_packets, &buffer);
  /* At `output` it comes into being, whatever was at its place before: TCP may send the same data again. */
  if (by_data && (by_data->mark != view->mark || seen->point == PROBE_OUTPUT)) by_data = 0;
  if (by_buffer && (by_buffer->mark != view->mark || seen->point == PROBE_OUTPUT)) by_buffer = 0;
  struct followed now = {.mark = view->mark};
  if (by_data) {
    now.identity = by_data->identity;
  } else if (by_buffer) {
    now.identity = by_buffer->identity;
  } else {
    if (!connection_is_followed(view) && !filter_matches(&view->facts)) return 0;
    now.identity = (data & 0xffffffffffff) | (bpf_ktime_get_ns() >> 10) << 48;
  }
  if (!by_data) bpf_map_update_elem(&followed_packets, &data, &now, BPF_ANY);
  if (!by_buffer) bpf_map_update_elem(&followed_packets, &buffer, &now, BPF_ANY);
  if (follows_connections) follow_connection(&view->tuple);
  return now.identity;
}

/* --- telling --- */

/* MACs belong to the device that the packet is at: elsewhere they are those of the way before, or of nobody yet. */
static __always_inline void tell_macs(struct probe_record* record, const struct sk_buff* skb, const struct sighting* seen) {
  const __u16 mac = skb->mac_header;
  const int is_at_device = seen->point <= PROBE_INPUT || seen->point == PROBE_EGRESS || seen->point == PROBE_TRANSMIT;
  if (!is_at_device || mac == NOT_SET) return;
  if (seen->header < skb->head + mac + MAC_BYTES) return; /* a device without */
  if (bpf_probe_read_kernel(record->macs, sizeof(record->macs), skb->head + mac) == 0) record->flags |= PROBE_HAS_MACS;
}

static __always_inline void tell_conntrack(struct probe_record* record, const struct sk_buff* skb) {
  if (!bpf_core_field_exists(skb->_nfct)) return;
  const unsigned long entry = skb->_nfct;
  const struct nf_conn* connection = (const void*)(entry & ~7ul);
  record->conntrack_info = entry & 7;
  record->conntrack = (__u64)connection;
  if (connection) record->conntrack_status = BPF_CORE_READ(connection, status);
}

/* Whether the current process is the one that sends. A socket of a program's has a file; TCP also sends when an answer or a timer
 * asks for it, but only while no process has the socket. */
static __always_inline int is_senders(const struct sock* sk) {
  const __u8 time_wait = 6, new_syn = 12; /* not whole sockets */
  if (!sk) return 0;
  const __u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
  if (state == time_wait || state == new_syn || !BPF_CORE_READ(sk, sk_socket, file)) return 0;
  return BPF_CORE_READ(sk, sk_protocol) != TCP || BPF_CORE_READ(sk, sk_lock.owned) != 0;
}

static __always_inline void tell_process(struct probe_record* record, const struct sk_buff* skb) {
  const struct task_struct* task = (const void*)bpf_get_current_task();
  record->pid = BPF_CORE_READ(task, tgid);
  if (record->pid == 0) return;
  record->flags |= PROBE_HAS_PROCESS;
  bpf_probe_read_kernel(record->process_name, sizeof(record->process_name), task->comm);
  if (record->point == PROBE_OUTPUT && is_senders(skb->sk)) record->flags |= PROBE_OWN_PROCESS;
}

static __always_inline void tell_packet(struct probe_record* record, const struct view* view) {
  const __u32 size = view->available < PROBE_CAPTURED ? view->available : PROBE_CAPTURED;
  if (bpf_probe_read_kernel(record->packet, size, view->header) == 0) record->captured = size;
}

static __always_inline void count_lost(void) {
  const __u32 only = 0;
  __u64* count = bpf_map_lookup_elem(&lost, &only);
  if (count) ++*count;
}

static __always_inline void tell(const struct sk_buff* skb, const struct sighting* seen, const struct view* view,
                                 __u64 identity) {
  struct probe_record* record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
  if (!record) {
    count_lost();
    return;
  }
  __builtin_memset(record, 0, sizeof(*record));
  record->time_ns = bpf_ktime_get_ns();
  record->identity = identity;
  record->point = seen->point;
  record->netns = seen->netns;
  record->location = seen->location;
  record->reason = seen->reason;
  record->ethertype = bpf_ntohs(skb->protocol);
  const struct net_device* device = seen->device;
  if (device) {
    record->device = BPF_CORE_READ(device, ifindex);
    bpf_probe_read_kernel(record->device_name, sizeof(record->device_name), device->name);
  }
  tell_macs(record, skb, seen);
  tell_conntrack(record, skb);
  tell_process(record, skb);
  tell_packet(record, view);
  bpf_ringbuf_submit(record, 0);
}

/* --- the points --- */

static __always_inline int is_watched(const struct sighting* seen) {
  return !watched_only || bpf_map_lookup_elem(&watched, &seen->netns) != 0;
}

static __always_inline void look(const struct sk_buff* skb, struct sighting* seen, int is_ipv4) {
  const unsigned char* end = skb->head + skb->tail;
  if (seen->header < skb->head || seen->header >= end) return;
  struct view view = {.header = seen->header, .available = end - seen->header, .is_ipv4 = is_ipv4};
  if (!read_headers(&view)) return;
  const __u64 identity = follow(skb, seen, &view);
  if (identity && is_watched(seen)) tell(skb, seen, &view, identity);
}

static __always_inline int at_hook(const struct bpf_nf_ctx* context, __u8 point) {
  const struct nf_hook_state* state = context->state;
  const struct sk_buff* skb = context->skb;
  const int is_ipv4 = state->pf == 2; /* NFPROTO_IPV4; the other that we attach to is IPv6 */
  const unsigned char* header = skb->head + skb->network_header;
  if (is_excluded(header, is_ipv4)) return NETFILTER_ACCEPT;
  struct sighting seen = {.point = point, .header = header, .netns = state->net->ns.inum};
  /* skb->dev is empty on the way out until the kernel comes to ip_output, and the way in's device while it forwards. */
  seen.device = point < PROBE_FORWARD ? state->in : state->out;
  look(skb, &seen, is_ipv4);
  return NETFILTER_ACCEPT;
}

static __always_inline int is_ip(const struct sk_buff* skb) {
  return skb->protocol == bpf_htons(ETHERTYPE_IPV4) || skb->protocol == bpf_htons(ETHERTYPE_IPV6);
}

static __always_inline int at_device(const struct sk_buff* skb, __u8 point, const unsigned char* header) {
  if (!is_ip(skb)) return 0;
  const int is_ipv4 = skb->protocol == bpf_htons(ETHERTYPE_IPV4);
  if (is_excluded(header, is_ipv4)) return 0;
  struct sighting seen = {.point = point, .header = header, .device = skb->dev};
  seen.netns = skb->dev->nd_net.net->ns.inum;
  look(skb, &seen, is_ipv4);
  return 0;
}

/* Where a packet is dropped, its device may be none yet, or its place taken by something else: while it waits in a socket. */
static __always_inline __u32 netns_of_dropped(const struct sk_buff* skb) {
  const __u32 lowest = 0xe0000000; /* inodes of namespaces are above */
  const __u32 by_device = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
  if (by_device >= lowest) return by_device;
  const struct sock* sk = skb->sk;
  const __u32 by_socket = sk ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;
  if (by_socket >= lowest) return by_socket;
  const struct dst_entry* way = (const void*)(skb->_skb_refdst & ~1ul);
  const __u32 by_way = way ? BPF_CORE_READ(way, dev, nd_net.net, ns.inum) : 0;
  return by_way >= lowest ? by_way : 0;
}

SEC("netfilter") int prerouting(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_PREROUTING); }
SEC("netfilter") int after_dnat(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_AFTER_DNAT); }
SEC("netfilter") int input(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_INPUT); }
SEC("netfilter") int forward(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_FORWARD); }
SEC("netfilter") int output(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_OUTPUT); }
SEC("netfilter") int postrouting(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_POSTROUTING); }
SEC("netfilter") int after_snat(struct bpf_nf_ctx* context) { return at_hook(context, PROBE_AFTER_SNAT); }

/* The network header's place is not noted yet, but the data begin there. */
SEC("tp_btf/netif_receive_skb") int BPF_PROG(ingress, struct sk_buff* skb) { return at_device(skb, PROBE_INGRESS, skb->data); }

SEC("tp_btf/net_dev_queue") int BPF_PROG(egress, struct sk_buff* skb) {
  return at_device(skb, PROBE_EGRESS, skb->head + skb->network_header);
}

SEC("tp_btf/net_dev_start_xmit") int BPF_PROG(transmit, struct sk_buff* skb) {
  return at_device(skb, PROBE_TRANSMIT, skb->head + skb->network_header);
}

SEC("tp_btf/kfree_skb") int BPF_PROG(drop, struct sk_buff* skb, void* location) {
  if (!is_ip(skb)) return 0;
  const int is_ipv4 = skb->protocol == bpf_htons(ETHERTYPE_IPV4);
  const unsigned char* header = skb->head + skb->network_header;
  if (is_excluded(header, is_ipv4)) return 0;
  struct sighting seen = {.point = PROBE_DROP, .header = header, .location = (__u64)location};
  if (bpf_core_type_exists(enum skb_drop_reason)) seen.reason = ctx[2]; /* Linux 5.17 */
  seen.netns = netns_of_dropped(skb);
  if (seen.netns && BPF_CORE_READ(skb, dev, nd_net.net, ns.inum) == seen.netns) seen.device = skb->dev;
  look(skb, &seen, is_ipv4);
  return 0;
}
