#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/event.hpp>

#include "cluster/memory_agenda.hpp"

#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::cluster::detail {

/// What clients are told. A client that does not come for it is forgotten after a while.
class MemoryMailboxes {
 public:
  /// `keep`: how long it waits for its client at least.
  void post(const std::string& client, Reply reply, TimePoint now, Duration keep);
  /// Waits until there is something. Throws: RuntimeError when they are closed.
  [[nodiscard]] Coro<std::vector<Reply>> take(std::string client, TimePoint now);
  void forget_expired(TimePoint now);
  /// Ends every take().
  void close() noexcept;

 private:
  struct Mailbox {
    std::string client;
    std::vector<Reply> replies;
    Event arrived;
    unsigned readers = 0;
    TimePoint until;
  };
  class Reader;

  Mailbox& box_of(const std::string& client, TimePoint until);

  bool closed_ = false;
  std::unordered_map<std::string, Mailbox> boxes_;
  Agenda<Mailbox> expiring_;
};

}  // namespace asyncio::cluster::detail
