/* kernel_types.h - of the kernel's types the fields that the probes read. Where each lies is put in when the programs are loaded,
 * from the types of the running kernel (CO-RE): the order and what is left out here do not matter. */
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
typedef struct {
  struct net* net;
} possible_net_t;

struct net_device {
  char name[16];
  int ifindex;
  possible_net_t nd_net;
};
struct dst_entry {
  struct net_device* dev;
};

struct file;
struct socket {
  struct file* file;
};
struct sock_common {
  volatile unsigned char skc_state;
  possible_net_t skc_net;
};
typedef struct {
  int owned;
} socket_lock_t;
struct sock {
  struct sock_common __sk_common;
  socket_lock_t sk_lock;
  __u16 sk_protocol;
  struct socket* sk_socket;
};

struct sk_buff {
  struct net_device* dev;
  struct sock* sk;
  unsigned long _skb_refdst;
  unsigned long _nfct;
  __be16 protocol;
  __u16 network_header;
  __u16 mac_header;
  unsigned int tail;
  unsigned char *head, *data;
};

struct nf_conn {
  unsigned long status;
};

struct nf_hook_state {
  __u8 pf;
  struct net_device *in, *out;
  struct net* net;
};
struct bpf_nf_ctx {
  const struct nf_hook_state* state;
  struct sk_buff* skb;
};

struct task_struct {
  int tgid;
  char comm[16];
};

struct iphdr {
  __u8 protocol;
};
struct ipv6hdr {
  __u8 nexthdr;
};

enum skb_drop_reason { SKB_NOT_DROPPED_YET };

#pragma clang attribute pop
