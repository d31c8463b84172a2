#!/bin/sh
# rootlesskit.sh - RootlessKit with Postern as its slirp4netns: sh rootlesskit.sh COMMAND...
#
# The driver "slirp4netns" keeps the clients' addresses on published ports, "builtin" does not.
exec rootlesskit --net=slirp4netns --slirp4netns-binary=/usr/local/libexec/postern/slirp4netns \
  --slirp4netns-sandbox=auto --slirp4netns-seccomp=auto --disable-host-loopback \
  --port-driver="${PORT_DRIVER:-slirp4netns}" --copy-up=/etc --copy-up=/run --propagation=rslave "$@"
