#include "cluster/cluster_state.hpp"

#include <asyncio/as_result.hpp>
#include <asyncio/progress.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/failures.hpp"
#include "cluster/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace asyncio::cluster::detail {
namespace {

std::string url_or_environment(std::string_view url) {
  if (!url.empty()) return std::string(url);
  const char* set = std::getenv("ASYNCIO_CLUSTER");  // NOLINT(concurrency-mt-unsafe)
  return set == nullptr || *set == '\0' ? "memory:" : set;
}

// Returns: null for "memory:".
std::unique_ptr<Broker> broker_of(const std::string& url) {
  if (url == "memory:") return nullptr;
  return std::make_unique<RedisBroker>(url);
}

std::exception_ptr closed_error() {
  return std::make_exception_ptr(
      RuntimeError("the Cluster was closed before the task's result had come"));
}

std::string value_of(Reply reply) {
  switch (reply.outcome) {
    case Outcome::value: return std::move(reply.payload);
    case Outcome::cancelled: throw CancelledError("the task was cancelled in the cluster");
    case Outcome::error:
    case Outcome::dead: break;
  }
  codec::Decoder in(reply.payload);
  const auto type = in.decode<std::string>();
  const auto text = in.decode<std::string>();
  const auto traceback = in.decode<std::string>();
  in.finish();
  if (type == lost_type) throw TaskLost(text);
  throw RemoteError(type, text, traceback);
}

}  // namespace

/// A call whose reply is to come.
class ClusterState::Waiting {
 public:
  Waiting(ClusterState& state, std::string id, const ProgressTask* progress)
      : state_(state), place_(state.waiting_.emplace(std::move(id), this)), progress_(progress) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    state_.waiting_.erase(place_);
    if (ended()) (void)reply_.exception();  // who has not been accepted yet does not look at it
  }

  [[nodiscard]] const Future<Reply>& reply() const noexcept { return reply_; }
  /// Not just given up: whoever is cancelled cancels what it waits for.
  [[nodiscard]] bool ended() const noexcept { return reply_.done() && !reply_.cancelled(); }
  void show(const Reply& reply) const {
    if (progress_ == nullptr) return;
    ProgressUpdate update;
    update.completed = reply.done;
    update.total = reply.total;
    progress_->update(update);
  }
  void fulfil(const Reply& reply) const {
    if (reply_.done()) return;
    // Its last report may have been too late.
    if (progress_ != nullptr && reply.outcome == Outcome::value) progress_->finish();
    reply_.set_result(reply);
  }
  void fail(const std::exception_ptr& error) const {
    if (!reply_.done()) reply_.set_exception(error);
  }

 private:
  ClusterState& state_;
  std::unordered_multimap<std::string, Waiting*>::iterator place_;
  const ProgressTask* progress_;
  Future<Reply> reply_;
};

ClusterState::ClusterState(Broker* broker, std::string_view url, const ClusterOptions& options)
    : broker_(broker),
      name_(new_name()),
      queue_(options.queue),
      max_queued_(options.max_queued),
      slots_(std::max<std::uint32_t>(options.max_outstanding, 1)) {
  if (broker_ != nullptr) return;
  own_ = broker_of(url_or_environment(url));
  if (own_ == nullptr) {
    own_ = std::make_unique<MemoryBroker>();
    WorkerOptions worker;
    worker.queues = queue_;
    worker.concurrency = options.concurrency;
    worker_ = std::make_unique<Worker>(*own_, worker);
    working_.emplace(create_task(work(Self(this))));
  }
  broker_ = own_.get();
}

Outgoing ClusterState::prepare(Call call, const SubmitOptions& options) {
  Message message;
  message.id = options.key.empty() ? new_id() : std::string(options.key);
  message.queue = options.queue.empty() ? queue_ : std::string(options.queue);
  message.task = std::move(call.task);
  message.version = call.version;
  message.arguments = std::move(call.arguments);
  message.retry = options.retry;
  message.delay = options.delay;
  message.keep = options.keep;
  return Outgoing(std::move(message), options.when_full, options.progress);
}

std::string ClusterState::new_id() { return fmt::format("{}-{}", name_, ++last_id_); }

void ClusterState::check_open() const {
  if (closed_) throw RuntimeError("submit(): the Cluster is closed; make a new one");
}

// --- calls --------------------------------------------------------------------------------------

namespace {
// A slot of those that a semaphore has.
class Slot {
 public:
  explicit Slot(Semaphore& slots) noexcept : slots_(slots) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { slots_.release(); }

 private:
  Semaphore& slots_;
};
}  // namespace

Coro<std::string> ClusterState::call(Self self, Outgoing outgoing) {
  self->check_open();
  co_await self->slots_.acquire();
  const Slot slot(self->slots_);
  const std::string id = outgoing.message.id;
  const std::string queue = outgoing.message.queue;
  outgoing.message.reply_to = self->name_;
  std::exception_ptr cancelled;
  {
    const Waiting waiting(*self, id, outgoing.progress);
    try {
      co_await accept(self, std::move(outgoing));
      self->start_reading();
      Reply reply = co_await waiting.reply();
      co_return value_of(std::move(reply));
    } catch (const CancelledError&) {
      cancelled = std::current_exception();
      if (waiting.ended()) throw;  // it was cancelled there
    }
  }
  if (!self->waiting_.contains(id)) co_await forget(self, queue, id);
  std::rethrow_exception(cancelled);
}

// What nobody waits for any more is cancelled. A broker that cannot be reached does not keep
// whoever cancels: the task runs then, and what it gives expires.
Coro<> ClusterState::forget(Self self, std::string queue, std::string id) {
  if (self->closed_) co_return;
  constexpr auto patience = Duration::nanoseconds(1'000'000'000);
  auto told =
      wait_for(self->broker_->cancel(std::move(queue), std::move(id), self->name_), patience);
  (void)co_await as_result(std::move(told));
}

Coro<std::string> ClusterState::send(Self self, Outgoing outgoing) {
  self->check_open();
  std::string id = outgoing.message.id;
  co_await accept(self, std::move(outgoing));
  co_return id;
}

// Until there is room, if that is what is wanted.
Coro<> ClusterState::accept(Self self, Outgoing outgoing) {
  constexpr auto longest = Duration::nanoseconds(1'000'000'000);
  auto pause = Duration::nanoseconds(5'000'000);
  for (;;) {
    const Accepted accepted = co_await publish(self, outgoing.message);
    if (accepted != Accepted::full) co_return;
    if (outgoing.when_full == WhenFull::fail) throw QueueFull();
    co_await sleep(pause);
    pause = std::min(pause * 2, longest);
  }
}

Coro<Accepted> ClusterState::publish(Self self, Message message) {
  self->check_open();
  Future<Accepted> done;
  self->outbox_.emplace_back(std::move(message), done);
  self->start_sending();
  co_return co_await done;
}

// --- the tasks behind them ----------------------------------------------------------------------

void ClusterState::start_sending() {
  if (sending_ && !sending_->done()) return;
  sending_.emplace(create_task(send_outbox(Self(this))));
}

void ClusterState::start_reading() {
  if (reading_ && !reading_->done()) return;
  reading_.emplace(create_task(read_replies(Self(this))));
}

// While a batch is on its way the next one gathers.
Coro<> ClusterState::send_outbox(Self self) {
  while (!self->outbox_.empty()) {
    std::vector<Publication> batch = std::exchange(self->outbox_, {});
    std::erase_if(batch, [](const Publication& one) { return one.done.done(); });
    std::vector<Message> messages;
    messages.reserve(batch.size());
    for (Publication& one : batch) messages.push_back(std::move(one.message));
    auto result =
        co_await as_result(self->broker_->publish(std::move(messages), self->max_queued_));
    const std::exception_ptr error = result          ? nullptr
                                     : self->closed_ ? closed_error()
                                                     : result.error();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].done.done()) continue;
      if (error == nullptr) {
        batch[i].done.set_result(result.value()[i]);
      } else {
        batch[i].done.set_exception(error);
      }
    }
    if (result.cancelled()) co_return;
  }
}

Coro<> ClusterState::read_replies(Self self) {
  for (;;) {
    auto result = co_await as_result(self->broker_->replies(self->name_));
    if (!result) {
      if (!result.cancelled()) self->fail_all(result.error());
      co_return;
    }
    for (Reply& reply : result.value()) self->dispatch(std::move(reply));
  }
}

// Of an id for which nobody waits any more there may be one, too.
void ClusterState::dispatch(Reply reply) {
  const auto [begin, end] = waiting_.equal_range(reply.id);
  for (auto at = begin; at != end; ++at) {
    if (reply.is_progress) {
      at->second->show(reply);
    } else {
      at->second->fulfil(reply);
    }
  }
}

void ClusterState::fail_all(const std::exception_ptr& error) {
  for (const auto& [id, waiting] : waiting_) waiting->fail(error);
}

Coro<> ClusterState::work(Self self) { co_await self->worker_->run(); }

// --- the end ------------------------------------------------------------------------------------

void ClusterState::give_up() noexcept {
  if (std::exchange(closed_, true)) return;
  try {
    const std::exception_ptr error = closed_error();
    fail_all(error);
    for (const Publication& one : std::exchange(outbox_, {})) {
      if (!one.done.done()) one.done.set_exception(error);
    }
    for (const auto* task : {&sending_, &reading_, &working_}) {
      if (*task) (*task)->cancel();
    }
  } catch (...) {
    // Without memory they wait until their tasks are cancelled.
  }
}

Coro<> ClusterState::ended(Self self) {
  for (auto* task : {&self->sending_, &self->reading_, &self->working_}) {
    if (*task) (void)co_await as_result(**task);
  }
  if (self->own_ != nullptr) co_await self->own_->close();
}

}  // namespace asyncio::cluster::detail

namespace asyncio::cluster {

using detail::ClusterState;

Cluster::Cluster(std::string_view url, const ClusterOptions& options)
    : state_(new ClusterState(nullptr, url, options)) {
  state_->add_ref();
}
Cluster::Cluster(Broker& broker, const ClusterOptions& options)
    : state_(new ClusterState(&broker, {}, options)) {
  state_->add_ref();
}
Cluster::~Cluster() {
  state_->give_up();
  state_->drop_ref();
}

Broker& Cluster::broker() const noexcept { return state_->broker(); }

detail::Outgoing Cluster::prepare(detail::Call call, const SubmitOptions& options) const {
  return state_->prepare(std::move(call), options);
}
Coro<std::string> Cluster::call(detail::Outgoing call) const {
  return ClusterState::call(ClusterState::Self(state_), std::move(call));
}
Coro<std::string> Cluster::publish(detail::Outgoing call) const {
  return ClusterState::send(ClusterState::Self(state_), std::move(call));
}
Coro<> Cluster::close() {
  state_->give_up();
  return ClusterState::ended(ClusterState::Self(state_));
}

}  // namespace asyncio::cluster
