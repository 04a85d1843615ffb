#include <asyncio/wait.hpp>

#include "core/route_offset.hpp"
#include "sync/same_loop.hpp"

#include <fmt/format.h>

#include <unordered_set>

namespace asyncio::detail {

struct SetWait::Node : WaitCall {
  Node() noexcept : WaitCall(&SetWait::future_done) {}
  Block* block = nullptr;
  FutureState* future = nullptr;  // held, until the wait is over
  bool queued = false;            // then it owns the block, too
};

/// Shared by the waiter and by those nodes that are in the queue.
struct SetWait::Block {
  std::vector<Node> nodes;
  SetWait* wait = nullptr;  // null once it is over
  std::size_t missing = 0;
  std::size_t owners = 1;
  Scheduler* scheduler = nullptr;

  void drop() {
    if (--owners == 0) delete this;
  }
};

// A vector begins with the pointers to its first element and behind its last one.
constexpr WaitRoute SetWait::to_set{
    .kind = WaitRoute::Kind::array,
    .place = ASYNCIO_FROM_WAITER(SetWait, block_),
    .waits = {.offset = ASYNCIO_FROM_WAITER(SetWait, waiting_), .size = 1, .value = 1},
    .for_all = {.offset = ASYNCIO_FROM_WAITER(SetWait, return_when_),
                .size = sizeof(ReturnWhen),
                .value = static_cast<std::uint32_t>(ReturnWhen::all_completed)},
    .alarm = {.offset = ASYNCIO_FROM_WAITER(SetWait, slot),
              .size = sizeof(Timer::slot),
              .other = true,
              .value = Timer::none},
    .first = offsetof(Block, nodes),
    .last = offsetof(Block, nodes) + sizeof(void*),
    .step = sizeof(Node),
    .future = offsetof(Node, future)};

const Waiter::Ops SetWait::set_ops{
    .cancel = [](Waiter& self, TaskState&) noexcept -> bool {
      auto& wait = static_cast<SetWait&>(self);
      if (!wait.waiting_) return false;
      wait.wake();
      return true;
    },
    .future = nullptr,
    .abandon = nullptr,
    .what = "wait()",
    .route = &to_set,
};

SetWait::~SetWait() { end(); }

void SetWait::reserve(std::size_t futures) {
  block_ = new Block;
  block_->nodes.reserve(futures);
}

void SetWait::add(FutureState& future) {
  check_same_loop("wait()", size() + 1, future, block_->scheduler);
  block_->scheduler = &future.scheduler();
  Node& n = block_->nodes.emplace_back();
  n.block = block_;
  n.future = &future;
  future.hold();
}

std::size_t SetWait::size() const noexcept { return block_->nodes.size(); }

void SetWait::begin() {
  if (block_ == nullptr) {
    throw_runtime_error(
        "wait(): what it gave was awaited already or moved from; call wait() again");
  }
  task_ = running_task();
  Scheduler& loop = task_->scheduler();
  if (&loop != block_->scheduler) {
    throw_runtime_error(
        fmt::format("wait(): its futures belong to loop \"{}\", the awaiting task '{}' to loop "
                    "\"{}\"; use run_coroutine_threadsafe() to reach another loop",
                    block_->scheduler->name, task_->name(), loop.name));
  }
  if (timeout_) {
    const TimePoint deadline = TimePoint(Duration::nanoseconds(loop.now())) + *timeout_;
    loop.arm(*this, deadline.since_epoch().nanoseconds());
  }
  loop.ready.reserve(block_->nodes.size());
  block_->wait = this;
  block_->missing = block_->nodes.size();
  waiting_ = true;
  task_->park(*this);
  for (Node& n : block_->nodes) n.future->notify(n);
}

void SetWait::future_done(ReadyCall& call, ReadyAction action) {
  auto& n = static_cast<Node&>(static_cast<WaitCall&>(call));
  Block& block = *n.block;
  if (action == ReadyAction::queued) {
    ++block.owners;
    n.queued = true;
    return;
  }
  block.scheduler->ready.unreserve();
  if (action == ReadyAction::discard) {
    if (n.queued) block.drop();
    return;
  }
  if (SetWait* wait = block.wait; wait != nullptr && wait->waiting_) {
    --block.missing;
    const bool failure = wait->return_when_ == ReturnWhen::first_exception && n.future->failed();
    if (block.missing == 0 || wait->return_when_ == ReturnWhen::first_completed || failure) {
      wait->wake();
    }
  }
  block.drop();
}

void SetWait::time_out(ReadyCall& self, ReadyAction action) {
  auto& wait = static_cast<SetWait&>(static_cast<Timer&>(self));
  wait.task_->scheduler().ready.unreserve();
  if (action == ReadyAction::run && wait.waiting_) wait.wake();
}

void SetWait::wake() noexcept {
  waiting_ = false;
  if (armed()) task_->scheduler().disarm(*this);
  task_->schedule();
}

// Also for a wait that was never awaited, or is destroyed with its task.
void SetWait::end() noexcept {
  if (armed()) task_->scheduler().disarm(*this);
  Block* block = std::exchange(block_, nullptr);
  if (block == nullptr) return;
  for (Node& n : block->nodes) {
    if (n.linked()) {
      n.unlink();
      block->scheduler->ready.unreserve();
    }
    std::exchange(n.future, nullptr)->unhold();
  }
  block->wait = nullptr;
  block->drop();
}

std::vector<bool> first_ones(const std::vector<const FutureBase*>& handles) {
  std::unordered_set<const FutureState*> seen;
  std::vector<bool> first;
  for (const FutureBase* f : handles) first.push_back(seen.insert(&FutureAccess::state(*f)).second);
  return first;
}

void check_wait_set(std::size_t size) {
  if (size == 0)
    throw_invalid_argument(
        "wait(): the set of Tasks/Futures is empty; skip the wait when there is nothing to wait "
        "for");
}

}  // namespace asyncio::detail
