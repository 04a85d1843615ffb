#include "cluster/memory_state.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asyncio::cluster {

using detail::MemoryQueue;
using detail::MemoryRecord;
using detail::MemoryWorker;

namespace {

/// After so many times its visibility a silent worker that has nothing is gone from the status.
constexpr std::int64_t silent_times = 10;

}  // namespace

void MemoryBroker::State::drop_ref() noexcept {
  if (--owners_ == 0) delete this;
}

void MemoryBroker::State::check_open(const char* what) const {
  if (closed_) {
    throw RuntimeError(fmt::format("{}: the MemoryBroker is closed; make another one", what));
  }
}

void MemoryBroker::State::close() noexcept {
  closed_ = true;
  mailboxes_.close();
  for (auto& [name, queue] : queues_) queue->close();
  for (auto& [name, worker] : workers_) worker.wake_claims();
}

// --- queues -------------------------------------------------------------------------------------

MemoryQueue& MemoryBroker::State::queue(const std::string& name) {
  if (MemoryQueue* found = find(name)) return *found;
  auto made = std::make_unique<MemoryQueue>(name, mailboxes_);
  return *queues_.emplace(name, std::move(made)).first->second;
}

MemoryQueue* MemoryBroker::State::find(const std::string& name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second.get();
}

std::vector<std::string> MemoryBroker::State::queues_in_use() const {
  std::vector<std::string> names;
  for (const auto& [name, queue] : queues_) {
    if (queue->was_used()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// --- workers ------------------------------------------------------------------------------------

MemoryWorker& MemoryBroker::State::heard_of(const Consumer& consumer, TimePoint now) {
  MemoryWorker& worker = workers_[consumer.name];
  if (worker.name.empty()) {  // a new one
    std::string name = consumer.name;
    silent_.add(now + consumer.visibility * silent_times, worker);
    worker.name = std::move(name);
  }
  worker.heard = now;
  worker.concurrency = consumer.concurrency;
  worker.visibility = consumer.visibility;
  if (worker.queues != consumer.queues) {
    sign_off(worker);
    worker.queues = consumer.queues;
    for (const std::string& name : worker.queues) queue(name).enter(worker);
  }
  return worker;
}

/// The queues do not list it any more.
void MemoryBroker::State::sign_off(MemoryWorker& worker) noexcept {
  for (const std::string& name : worker.queues) find(name)->leave(worker);
  worker.queues.clear();
}

Claimed MemoryBroker::State::take(const Consumer& consumer, std::uint32_t most, TimePoint now) {
  MemoryWorker& worker = heard_of(consumer, now);
  Claimed claimed;
  take_cancelled(worker, claimed);
  const std::size_t count = worker.queues.size();
  const std::size_t first = worker.turn++;
  for (std::size_t i = 0; i < count && claimed.deliveries.size() < most; ++i) {
    find(worker.queues[(first + i) % count])->take(worker, most, claimed.deliveries, now);
  }
  offer(consumer, now);
  return claimed;
}

/// Not those that it has ended meanwhile.
void MemoryBroker::State::take_cancelled(MemoryWorker& worker, Claimed& claimed) {
  for (auto& [queue, id] : worker.cancelled) {
    if (queue->is_unwanted(worker, id)) claimed.cancelled.push_back(std::move(id));
  }
  worker.cancelled.clear();
}

void MemoryBroker::State::enter(detail::WaitingClaim& claim, const Consumer& consumer,
                                std::uint32_t most, TimePoint now) {
  claim.enter(heard_of(consumer, now).claims);
  if (most == 0) return;
  for (const std::string& name : consumer.queues) claim.enter(queue(name).waiting());
  // Its rate may be why there was nothing: somebody waits for it now.
  offer(consumer, now);
}

void MemoryBroker::State::offer(const Consumer& consumer, TimePoint now) {
  if (closed_) return;
  for (const std::string& name : consumer.queues) queue(name).offer(now);
}

Duration MemoryBroker::State::tend(const Consumer& consumer, TimePoint now) {
  heard_of(consumer, now);
  mailboxes_.forget_expired(now);
  forget_silent_workers(now);
  TimePoint next = now + consumer.visibility;
  for (const std::string& name : consumer.queues) {
    next = std::min(next, queue(name).tend(consumer.max_deliveries, now));
  }
  return next - now;
}

void MemoryBroker::State::leave(const Consumer& consumer, TimePoint now) {
  const auto found = workers_.find(consumer.name);
  if (found == workers_.end()) return;
  MemoryWorker& worker = found->second;
  while (MemoryRecord* record = worker.running.first()) {
    find(record->message.queue)->give_back(*record, consumer.max_deliveries, now);
  }
  worker.cancelled.clear();
  sign_off(worker);  // the rest is forgotten when it has been silent for long enough
}

void MemoryBroker::State::forget_silent_workers(TimePoint now) {
  while (MemoryWorker* worker = silent_.take_due(now)) {
    const TimePoint until = worker->heard + worker->visibility * silent_times;
    if (until > now || !worker->running.empty() || !worker->claims.empty()) {
      silent_.add(std::max(until, now + worker->visibility), *worker);
    } else {
      sign_off(*worker);
      workers_.erase(workers_.find(worker->name));
    }
  }
}

}  // namespace asyncio::cluster
