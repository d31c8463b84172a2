/* record.h - what the programs in the kernel say of one packet at one point; a line of the ring buffer. C, for both sides. */
#pragma once

#include <linux/types.h>

enum {
  PROBE_CAPTURED = 128, /* bytes from the IP header on, at most */
  PROBE_NAME = 16,      /* IFNAMSIZ, TASK_COMM_LEN */
};

/* In the order of journey::Point, without those that only others see. */
enum probe_point {
  PROBE_INGRESS,
  PROBE_PREROUTING,
  PROBE_AFTER_DNAT,
  PROBE_INPUT,
  PROBE_FORWARD,
  PROBE_OUTPUT,
  PROBE_POSTROUTING,
  PROBE_AFTER_SNAT,
  PROBE_EGRESS,
  PROBE_TRANSMIT,
  PROBE_DROP,
  PROBE_POINTS
};

enum probe_flag {
  PROBE_HAS_MACS = 1,
  PROBE_OWN_PROCESS = 2, /* the process is the one that sends, not one that happened to run */
  PROBE_HAS_PROCESS = 4, /* not the idle task */
};

struct probe_record {
  __u64 time_ns;
  __u64 identity;
  __u64 conntrack; /* the connection's address; 0: none */
  __u64 location;  /* PROBE_DROP: where in the kernel */
  __u32 netns;     /* inode; 0: not known */
  __u32 device;    /* index */
  __u32 reason;    /* PROBE_DROP: enum skb_drop_reason */
  __u32 pid;
  __u32 conntrack_status; /* IPS_... of the kernel */
  __u16 ethertype;        /* host order */
  __u8 point;
  __u8 flags;
  __u8 conntrack_info; /* enum ip_conntrack_info */
  __u8 captured;       /* bytes of `packet` that are the packet's */
  __u8 macs[12];       /* destination, source */
  __u8 unused[2];
  char device_name[PROBE_NAME];
  char process_name[PROBE_NAME];
  __u8 packet[PROBE_CAPTURED];
};
