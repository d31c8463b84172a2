// loopback_proxy_main.cpp - postern-loopback-proxy PORTS_FILE: the loopback proxy and nothing else; its ports go to standard
// output.
#include <unistd.h>

#include <cstdio>

#include "postern/forward/loopback_proxy.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: postern-loopback-proxy PORTS_FILE\n", stderr);
    return 2;
  }
  return postern::forward::run_loopback_proxy(argv[1], STDOUT_FILENO);
}
