#include "cluster/memory_queue.hpp"

#include <asyncio/event_loop.hpp>

#include <algorithm>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

Reply end_of(const MemoryRecord& record) {
  Reply reply;
  reply.id = record.message.id;
  reply.outcome = record.outcome;
  reply.payload = record.payload;
  return reply;
}

}  // namespace

MemoryQueue::MemoryQueue(std::string name, MemoryMailboxes& mailboxes) : mailboxes_(&mailboxes) {
  counts_.queue = std::move(name);
}

MemoryQueue::~MemoryQueue() { close(); }

MemoryRecord* MemoryQueue::find(std::string_view id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : found->second.get();
}

/// The message of a lease that is not over; or null.
MemoryRecord* MemoryQueue::held(const Lease& lease) const {
  MemoryRecord* record = find(lease.id);
  const bool is_held =
      record != nullptr && record->place == Place::running && record->entry == lease.entry;
  return is_held ? record : nullptr;
}

// --- where a message is -------------------------------------------------------------------------

/// Takes it from where it is.
void MemoryQueue::withdraw(MemoryRecord& record) noexcept {
  switch (record.place) {
    case Place::ready: break;
    case Place::delayed: delayed_.remove(record.due); break;
    case Place::running:
      leases_.remove(record.due);
      record.worker = nullptr;
      break;
    case Place::ended: ended_.remove(record.due); break;
  }
  Line<MemoryRecord>::leave(record);
}

void MemoryQueue::make_ready(MemoryRecord& record, TimePoint now) {
  withdraw(record);
  record.place = Place::ready;
  ready_.enter(record);
  offer(now);
}

void MemoryQueue::make_delayed(MemoryRecord& record, TimePoint due) {
  const AgendaKey key = delayed_.add(due, record);
  withdraw(record);
  record.place = Place::delayed;
  record.due = key;
}

Delivery MemoryQueue::deliver(MemoryRecord& record, MemoryWorker& worker, TimePoint now) {
  // What allocates comes first: what throws then leaves it where it is.
  Delivery delivery;
  delivery.message = record.message;
  delivery.lease = Lease(counts_.queue, record.message.id, std::to_string(++last_entry_));
  record.entry = delivery.lease.entry;
  const AgendaKey key = leases_.add(now + worker.visibility, record);
  withdraw(record);
  record.place = Place::running;
  record.due = key;
  record.worker = &worker;
  worker.running.enter(record);
  return delivery;
}

/// What is known of it from now on is what it has given.
void MemoryQueue::end(MemoryRecord& record, Outcome outcome, std::string payload, TimePoint now) {
  const AgendaKey key = ended_.add(now + record.message.keep, record);
  withdraw(record);
  count_end(outcome);
  record.place = Place::ended;
  record.due = key;
  record.outcome = outcome;
  record.payload = std::move(payload);
  record.message.arguments = {};
  for (const std::string& client : std::exchange(record.clients, {})) {
    mailboxes_->post(client, end_of(record), now, record.message.keep);
  }
}

void MemoryQueue::count_end(Outcome outcome) noexcept {
  ++(outcome == Outcome::value ? counts_.finished : counts_.failed);
}

void MemoryQueue::forget_expired(TimePoint now) noexcept {
  while (const MemoryRecord* record = ended_.take_due(now)) {
    records_.erase(records_.find(record->message.id));
  }
}

// --- clients ------------------------------------------------------------------------------------

Accepted MemoryQueue::accept(Message message, std::uint64_t max_queued, TimePoint now) {
  forget_expired(now);
  if (MemoryRecord* record = find(message.id)) return join(*record, message.reply_to, now);
  const std::uint64_t queued = ready_.size() + delayed_.size();
  if (max_queued > 0 && queued >= max_queued) return Accepted::full;
  keep_new(std::move(message), now);
  ++counts_.accepted;
  return Accepted::now;
}

/// One more waits for it, or gets at once what it has given.
Accepted MemoryQueue::join(MemoryRecord& record, const std::string& client, TimePoint now) {
  if (client.empty()) return Accepted::before;
  if (record.place == Place::ended) {
    mailboxes_->post(client, end_of(record), now, record.message.keep);
  } else if (std::find(record.clients.begin(), record.clients.end(), client) ==
             record.clients.end()) {
    record.clients.push_back(client);
    record.unwanted = false;
  }
  return Accepted::before;
}

void MemoryQueue::keep_new(Message message, TimePoint now) {
  auto made = std::make_unique<MemoryRecord>();
  MemoryRecord& record = *made;
  record.message = std::move(message);
  if (!record.message.reply_to.empty()) record.clients.push_back(record.message.reply_to);
  const auto kept = records_.emplace(record.message.id, std::move(made)).first;
  if (record.message.delay <= Duration()) {
    make_ready(record, now);
    return;
  }
  try {
    make_delayed(record, now + record.message.delay);
  } catch (...) {
    records_.erase(kept);  // an id that is known is one that will run
    throw;
  }
}

void MemoryQueue::cancel(std::string_view id, std::string_view client, TimePoint now) {
  MemoryRecord* record = find(id);
  if (record == nullptr || record->place == Place::ended || record->unwanted) return;
  std::erase(record->clients, client);
  if (!record->clients.empty()) return;
  if (record->place != Place::running) {
    end(*record, Outcome::cancelled, {}, now);
    return;
  }
  record->worker->cancelled.emplace_back(this, record->message.id);
  record->unwanted = true;
  record->worker->wake_claims();
}

// --- workers ------------------------------------------------------------------------------------

void MemoryQueue::take(MemoryWorker& worker, std::uint32_t most, std::vector<Delivery>& deliveries,
                       TimePoint now) {
  while (deliveries.size() < most && !ready_.empty() && rate_.wait(now) == Duration()) {
    deliveries.push_back(deliver(*ready_.first(), worker, now));
    rate_.take();
  }
}

void MemoryQueue::offer(TimePoint now) {
  if (ready_.empty() || waiting_.empty()) return;
  const Duration wait = rate_.wait(now);
  if (wait > Duration()) {
    arm(wait);
  } else {
    waiting_.first()->claim->wake();
  }
}

void MemoryQueue::arm(Duration wait) {
  if (rate_timer_) return;
  rate_timer_ = get_running_loop().call_later(wait, [this] {
    rate_timer_.reset();
    offer(get_running_loop().time());
  });
}

bool MemoryQueue::extend(const MemoryWorker& worker, const Lease& lease, TimePoint now) {
  MemoryRecord* record = held(lease);
  if (record == nullptr || record->worker != &worker) return false;
  record->due = leases_.put_off(record->due, now + worker.visibility);
  return true;
}

bool MemoryQueue::is_unwanted(const MemoryWorker& worker, std::string_view id) const {
  const MemoryRecord* record = find(id);
  return record != nullptr && record->place == Place::running && record->worker == &worker &&
         record->unwanted;
}

// The lease may be over: what was executed is executed, whoever has it now.
void MemoryQueue::finish(Finished end_of_it, TimePoint now) {
  MemoryRecord* record = find(end_of_it.lease.id);
  if (record == nullptr || record->place == Place::ended) {
    ++counts_.duplicates;
    return;
  }
  end(*record, end_of_it.outcome, std::move(end_of_it.payload), now);
}

void MemoryQueue::fail(const Delivery& delivery, std::string reason, std::string payload,
                       TimePoint now) {
  MemoryRecord* record = find(delivery.lease.id);
  if (record == nullptr || record->place == Place::ended) {
    ++counts_.duplicates;
    return;
  }
  Message message = record->message;
  message.attempt = delivery.message.attempt;
  bury(std::move(message), std::move(reason));
  end(*record, Outcome::dead, std::move(payload), now);
}

void MemoryQueue::put_off(const Delivery& delivery, Duration delay, TimePoint now) {
  MemoryRecord* record = held(delivery.lease);
  if (record == nullptr) return;  // another one has it: it decides
  if (record->unwanted) {
    end(*record, Outcome::cancelled, {}, now);
    return;
  }
  if (delivery.message.attempt > record->message.attempt) ++counts_.retried;
  record->message.attempt = delivery.message.attempt;
  if (delay > Duration()) {
    make_delayed(*record, now + delay);
  } else {
    make_ready(*record, now);
  }
}

void MemoryQueue::report(const Lease& lease, std::int64_t done, std::int64_t total, TimePoint now) {
  const MemoryRecord* record = held(lease);
  if (record == nullptr) return;
  Reply reply;
  reply.id = lease.id;
  reply.is_progress = true;
  reply.done = done;
  reply.total = total;
  for (const std::string& client : record->clients) {
    mailboxes_->post(client, reply, now, record->message.keep);
  }
}

TimePoint MemoryQueue::tend(std::uint32_t max_deliveries, TimePoint now) {
  forget_expired(now);
  while (!delayed_.entries().empty() && delayed_.next() <= now) {
    make_ready(*delayed_.entries().begin()->second, now);
  }
  while (!leases_.entries().empty() && leases_.next() <= now) {
    give_back(*leases_.entries().begin()->second, max_deliveries, now);
  }
  return std::min(delayed_.next(), leases_.next());
}

void MemoryQueue::give_back(MemoryRecord& record, std::uint32_t max_deliveries, TimePoint now) {
  ++counts_.redelivered;
  ++record.message.redelivered;
  if (record.unwanted) {
    end(record, Outcome::cancelled, {}, now);
  } else if (record.message.redelivered >= max_deliveries) {
    bury_undelivered(record, now);
  } else {
    make_ready(record, now);
  }
}

}  // namespace asyncio::cluster::detail
