#pragma once

#include <asyncio/cluster_memory.hpp>

#include "cluster/memory_mailboxes.hpp"
#include "cluster/memory_queue.hpp"
#include "cluster/memory_worker.hpp"
#include "loop/fairness.hpp"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::cluster {

/// Its queues, workers and clients. `now` is the loop's time.
///
/// Owners: the broker, and each claim() and replies() that waits. A broker that is a local of
/// main's dies before the tasks that still use it are cancelled; their waits end as by close().
class MemoryBroker::State {
 public:
  void add_ref() noexcept { ++owners_; }
  void drop_ref() noexcept;

  /// Throws: RuntimeError in the name of `what` once it is closed.
  void check_open(const char* what) const;
  void close() noexcept;

  /// Made if there is none.
  detail::MemoryQueue& queue(const std::string& name);
  /// Or null.
  [[nodiscard]] detail::MemoryQueue* find(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> queues_in_use() const;
  [[nodiscard]] detail::MemoryMailboxes& mailboxes() noexcept { return mailboxes_; }

  /// The worker, which is not silent.
  detail::MemoryWorker& heard_of(const Consumer& consumer, TimePoint now);
  /// Who never waits, as one that claims what is there already, lets others run now and then.
  [[nodiscard]] bool others_want_a_turn() noexcept { return fairness_.is_due(); }
  /// What there is for it now.
  Claimed take(const Consumer& consumer, std::uint32_t most, TimePoint now);
  void enter(detail::WaitingClaim& claim, const Consumer& consumer, std::uint32_t most,
             TimePoint now);
  /// What one that claimed did not take. Nothing once it is closed: `consumer` may be gone.
  void offer(const Consumer& consumer, TimePoint now);
  Duration tend(const Consumer& consumer, TimePoint now);
  void leave(const Consumer& consumer, TimePoint now);

 private:
  ~State() = default;
  void take_cancelled(detail::MemoryWorker& worker, Claimed& claimed);
  void sign_off(detail::MemoryWorker& worker) noexcept;
  void forget_silent_workers(TimePoint now);

  unsigned owners_ = 1;
  bool closed_ = false;
  asyncio::detail::Fairness fairness_;
  detail::MemoryMailboxes mailboxes_;
  std::unordered_map<std::string, std::unique_ptr<detail::MemoryQueue>> queues_;
  std::unordered_map<std::string, detail::MemoryWorker> workers_;
  detail::Agenda<detail::MemoryWorker> silent_;  // when each is looked at
};

}  // namespace asyncio::cluster
