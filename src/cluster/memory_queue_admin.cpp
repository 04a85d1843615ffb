#include "cluster/failures.hpp"
#include "cluster/memory_queue.hpp"

#include <fmt/format.h>

#include <utility>

// What a MemoryQueue has for dead letters, and for who looks.
namespace asyncio::cluster::detail {

// --- dead letters -------------------------------------------------------------------------------

void MemoryQueue::bury(Message message, std::string reason) {
  DeadLetter letter;
  letter.entry = std::to_string(++last_entry_);
  letter.message = std::move(message);
  letter.reason = std::move(reason);
  dead_.emplace_hint(dead_.end(), last_entry_, std::move(letter));
}

void MemoryQueue::bury_undelivered(MemoryRecord& record, TimePoint now) {
  const std::string reason = fmt::format("delivered {} times, and no worker has come back with it",
                                         record.message.redelivered);
  bury(record.message, reason);
  end(record, Outcome::dead, encode_lost(reason), now);
}

bool MemoryQueue::requeue(std::uint64_t entry, TimePoint now) {
  const auto found = dead_.find(entry);
  if (found == dead_.end()) return false;
  run_anew(found->second.message, now);
  dead_.erase(found);
  return true;
}

void MemoryQueue::run_anew(Message message, TimePoint now) {
  if (MemoryRecord* record = find(message.id)) {
    if (record->place != Place::ended) return;  // its id was forgotten, and was published again
    withdraw(*record);
    records_.erase(message.id);
  }
  message.attempt = 1;
  message.redelivered = 0;
  message.delay = {};
  message.reply_to = {};  // whoever waited was told
  keep_new(std::move(message), now);
}

// --- who looks ----------------------------------------------------------------------------------

QueueStatus MemoryQueue::status(TimePoint now) const {
  QueueStatus status = counts_;
  status.queued = ready_.size();
  status.running = leases_.size();
  status.delayed = delayed_.size();
  status.dead = dead_.size();
  status.rate = rate_.per_second();
  for (const auto& [name, worker] : workers_) {
    WorkerStatus& seen = status.workers.emplace_back();
    seen.name = name;
    seen.concurrency = worker->concurrency;
    seen.running = worker->running.size();
    seen.silent = now - worker->heard;
  }
  return status;
}

std::vector<Message> MemoryQueue::queued(std::uint64_t most) const {
  std::vector<Message> messages;
  for (const MemoryRecord* record = ready_.first(); record != nullptr && messages.size() < most;
       record = Line<MemoryRecord>::after(*record)) {
    messages.push_back(record->message);
  }
  for (const auto& [due, record] : delayed_.entries()) {
    if (messages.size() >= most) break;
    messages.push_back(record->message);
  }
  return messages;
}

std::vector<DeadLetter> MemoryQueue::dead(std::uint64_t after, std::uint64_t most) const {
  std::vector<DeadLetter> letters;
  for (auto at = dead_.upper_bound(after); at != dead_.end() && letters.size() < most; ++at) {
    letters.push_back(at->second);
  }
  return letters;
}

std::uint64_t MemoryQueue::drain(TimePoint now) {
  const std::uint64_t dropped = ready_.size() + delayed_.size();
  while (MemoryRecord* record = ready_.first()) end(*record, Outcome::cancelled, {}, now);
  while (!delayed_.entries().empty()) {
    end(*delayed_.entries().begin()->second, Outcome::cancelled, {}, now);
  }
  return dropped;
}

void MemoryQueue::limit_rate(double per_second, TimePoint now) {
  rate_.set(per_second, now);
  close();
  offer(now);
}

void MemoryQueue::close() noexcept {
  if (rate_timer_) rate_timer_->cancel();
  rate_timer_.reset();
}

}  // namespace asyncio::cluster::detail
