#include "cluster/memory_mailboxes.hpp"

#include <asyncio/error.hpp>

#include <algorithm>
#include <utility>

namespace asyncio::cluster::detail {

namespace {

/// How long a client is remembered that was not there, at least.
constexpr Duration idle = Duration::nanoseconds(600'000'000'000);

}  // namespace

/// Somebody is there, so the mailbox is not forgotten.
class MemoryMailboxes::Reader {
 public:
  explicit Reader(Mailbox& box) noexcept : box_(&box) { ++box.readers; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { --box_->readers; }

 private:
  Mailbox* box_;
};

MemoryMailboxes::Mailbox& MemoryMailboxes::box_of(const std::string& client, TimePoint until) {
  const auto [found, made] = boxes_.try_emplace(client);
  Mailbox& box = found->second;
  if (made) {
    box.client = client;
    expiring_.add(until, box);
  }
  // Its place in the agenda stays the old one: it is looked at then.
  box.until = std::max(box.until, until);
  return box;
}

void MemoryMailboxes::post(const std::string& client, Reply reply, TimePoint now, Duration keep) {
  Mailbox& box = box_of(client, now + keep);
  box.replies.push_back(std::move(reply));
  box.arrived.set();
}

Coro<std::vector<Reply>> MemoryMailboxes::take(std::string client, TimePoint now) {
  Mailbox& box = box_of(client, now + idle);
  const Reader reader(box);
  // Nothing is awaited between looking and taking, so a cancellation finds it untouched.
  while (box.replies.empty()) {
    box.arrived.clear();
    co_await box.arrived.wait();
    if (closed_) throw RuntimeError("replies(): the MemoryBroker is closed; make another one");
  }
  co_return std::exchange(box.replies, {});
}

void MemoryMailboxes::forget_expired(TimePoint now) {
  while (Mailbox* box = expiring_.take_due(now)) {
    if (box->readers == 0 && box->until <= now) {
      boxes_.erase(boxes_.find(box->client));
    } else {
      expiring_.add(std::max(box->until, now + idle), *box);
    }
  }
}

void MemoryMailboxes::close() noexcept {
  closed_ = true;
  for (auto& [client, box] : boxes_) box.arrived.set();
}

}  // namespace asyncio::cluster::detail
