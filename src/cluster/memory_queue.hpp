#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/handle.hpp>

#include "cluster/memory_agenda.hpp"
#include "cluster/memory_line.hpp"
#include "cluster/memory_mailboxes.hpp"
#include "cluster/memory_rate.hpp"
#include "cluster/memory_worker.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace asyncio::cluster::detail {

/// One queue of a MemoryBroker, with all that was published to it and is not forgotten. `now` is
/// the loop's time.
class MemoryQueue {
 public:
  MemoryQueue(std::string name, MemoryMailboxes& mailboxes);
  MemoryQueue(const MemoryQueue&) = delete;
  MemoryQueue& operator=(const MemoryQueue&) = delete;
  ~MemoryQueue();

  // --- clients ---
  Accepted accept(Message message, std::uint64_t max_queued, TimePoint now);
  void cancel(std::string_view id, std::string_view client, TimePoint now);

  // --- workers ---
  void enter(MemoryWorker& worker) { workers_[worker.name] = &worker; }
  void leave(const MemoryWorker& worker) noexcept { workers_.erase(worker.name); }
  /// Adds to `deliveries` until there are `most`.
  void take(MemoryWorker& worker, std::uint32_t most, std::vector<Delivery>& deliveries,
            TimePoint now);
  /// Where claims wait for messages of this queue.
  [[nodiscard]] Line<ClaimPlace>& waiting() noexcept { return waiting_; }
  /// Wakes a claim if there is something for it, now or when the rate allows it. Called whenever a
  /// message has come, and by each claim that was woken: there may be something for the next one.
  void offer(TimePoint now);
  /// Returns: false if it is not this worker's any more.
  bool extend(const MemoryWorker& worker, const Lease& lease, TimePoint now);
  /// Whether this worker has it, and nobody wants it.
  [[nodiscard]] bool is_unwanted(const MemoryWorker& worker, std::string_view id) const;
  void finish(Finished end, TimePoint now);
  void fail(const Delivery& delivery, std::string reason, std::string payload, TimePoint now);
  void put_off(const Delivery& delivery, Duration delay, TimePoint now);
  void report(const Lease& lease, std::int64_t done, std::int64_t total, TimePoint now);
  /// Returns: when it has to be called again.
  TimePoint tend(std::uint32_t max_deliveries, TimePoint now);
  /// Nobody comes back with it.
  void give_back(MemoryRecord& record, std::uint32_t max_deliveries, TimePoint now);

  // --- who looks ---
  [[nodiscard]] bool was_used() const noexcept { return counts_.accepted > 0; }
  [[nodiscard]] QueueStatus status(TimePoint now) const;
  [[nodiscard]] std::vector<Message> queued(std::uint64_t most) const;
  [[nodiscard]] std::vector<DeadLetter> dead(std::uint64_t after, std::uint64_t most) const;
  /// Returns: false if there is no such dead letter.
  bool requeue(std::uint64_t entry, TimePoint now);
  std::uint64_t drain(TimePoint now);
  void limit_rate(double per_second, TimePoint now);
  void close() noexcept;

 private:
  using Place = MemoryRecord::Place;

  [[nodiscard]] MemoryRecord* find(std::string_view id) const;
  [[nodiscard]] MemoryRecord* held(const Lease& lease) const;
  Accepted join(MemoryRecord& record, const std::string& client, TimePoint now);
  void withdraw(MemoryRecord& record) noexcept;
  void make_ready(MemoryRecord& record, TimePoint now);
  void make_delayed(MemoryRecord& record, TimePoint due);
  void keep_new(Message message, TimePoint now);
  void run_anew(Message message, TimePoint now);
  Delivery deliver(MemoryRecord& record, MemoryWorker& worker, TimePoint now);
  void end(MemoryRecord& record, Outcome outcome, std::string payload, TimePoint now);
  void bury(Message message, std::string reason);
  void bury_undelivered(MemoryRecord& record, TimePoint now);
  void forget_expired(TimePoint now) noexcept;
  void count_end(Outcome outcome) noexcept;
  void arm(Duration wait);

  MemoryMailboxes* mailboxes_;
  QueueStatus counts_;  // its name, and what was counted since the queue was made
  std::unordered_map<std::string_view, std::unique_ptr<MemoryRecord>> records_;  // by their ids
  Line<MemoryRecord> ready_;
  Agenda<MemoryRecord> delayed_;
  Agenda<MemoryRecord> leases_;
  Agenda<MemoryRecord> ended_;
  std::map<std::uint64_t, DeadLetter> dead_;
  std::uint64_t last_entry_ = 0;  // of deliveries and of dead letters
  Line<ClaimPlace> waiting_;
  MemoryRate rate_;
  std::optional<TimerHandle> rate_timer_;
  std::map<std::string, MemoryWorker*> workers_;
};

}  // namespace asyncio::cluster::detail
