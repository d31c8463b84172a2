// table_watch.h - whether a table of nftables is there, told by the kernel: who flushes the ruleset (nft flush ruleset, a
// firewall that starts) takes the tables of everybody, and asks nobody.
#pragma once

#include <string>
#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netfilter {

/// Of the network namespace in which it was opened. What was announced before that stays unknown: it takes the table to be there.
class TableWatch {
 public:
  /// `table`: its name, whatever its family. Errors: EPERM without CAP_NET_ADMIN; EPROTONOSUPPORT.
  static Result<TableWatch> open(std::string table);

  /// For the event loop: readable when poll() has work.
  int fd() const { return socket_.get(); }
  /// Takes in all that has been announced; never blocks. Whether the table is there by that.
  bool poll();

 private:
  TableWatch(UniqueFd socket, std::string table) : socket_(std::move(socket)), table_(std::move(table)) {}

  UniqueFd socket_;
  std::string table_;
  bool is_there_ = true;
};

}  // namespace postern::netfilter
