#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Tasks on other processes and machines. docs/cluster.md has what is promised.
namespace asyncio::cluster {

/// How often a task is tried, and how long after a failure.
struct RetryPolicy {
  /// With the first one.
  std::uint32_t max_attempts = 1;
  /// Before the second attempt; twice as long before each further one, with jitter.
  Duration first_delay = Duration::nanoseconds(1'000'000'000);
  Duration longest_delay = Duration::nanoseconds(60'000'000'000);
};

/// A call as a broker keeps it.
struct Message {
  Message() noexcept = default;

  /// What is accepted twice under one id runs once.
  std::string id;
  std::string queue;
  /// The name by which the workers know the function.
  std::string task;
  /// Of its parameters and its result: codec::signature().
  std::uint64_t version = 0;
  /// By the codec.
  std::string arguments;
  /// The client that waits for what it gives; "": nobody.
  std::string reply_to;
  RetryPolicy retry;
  /// Which attempt it is, from 1.
  std::uint32_t attempt = 1;
  /// So many times it was delivered before, to workers that have not come back with it.
  std::uint32_t redelivered = 0;
  /// Not before this has passed.
  Duration delay;
  /// How long what it has given is known by its id. Not 0: an id that is forgotten at once could be
  /// accepted twice.
  Duration keep = Duration::nanoseconds(3'600'000'000'000);
};

/// What has become of a message that was published.
enum class Accepted : std::uint8_t {
  now,     ///< it is kept, and will be delivered
  before,  ///< one of this id was; whoever waits for it gets what that one gives or has given
  full,    ///< it was refused: the queue has as many as it may
};

/// A message in a worker's hands, until finish(), fail() or delay(), or until its time is over.
struct Lease {
  Lease() noexcept = default;
  Lease(std::string in_queue, std::string of_id, std::string by_entry)
      : queue(std::move(in_queue)), id(std::move(of_id)), entry(std::move(by_entry)) {}
  std::string queue;
  std::string id;     ///< of the message
  std::string entry;  ///< of this delivery; the broker's own
};

struct Delivery {
  Delivery() noexcept = default;
  Message message;
  Lease lease;
};

/// What claim() gives. One of them may be empty.
struct Claimed {
  Claimed() noexcept = default;
  std::vector<Delivery> deliveries;
  /// Ids of messages in this worker's hands of which nobody wants the result any more.
  std::vector<std::string> cancelled;
};

/// How a call has ended.
enum class Outcome : std::uint8_t { value, error, cancelled, dead };

/// What has become of a delivery.
struct Finished {
  Finished() noexcept = default;
  Lease lease;
  Outcome outcome = Outcome::value;
  /// By the codec: the value; of errors: name of the type, text, traceback.
  std::string payload;
};

/// What a client gets for a message of its own.
struct Reply {
  Reply() noexcept = default;
  std::string id;
  /// Not the end yet: the task has reported how far it is.
  bool is_progress = false;
  std::int64_t done = 0;
  std::int64_t total = 0;
  Outcome outcome = Outcome::value;
  std::string payload;
};

/// Who claims.
struct Consumer {
  Consumer() noexcept = default;
  /// Unlike any other one's, over all machines and over time.
  std::string name;
  std::vector<std::string> queues;
  /// A delivery that is not extended for so long is delivered to another one.
  Duration visibility = Duration::nanoseconds(30'000'000'000);
  /// After so many deliveries of which nobody has come back it is a dead letter.
  std::uint32_t max_deliveries = 5;
  /// For the status.
  std::uint32_t concurrency = 0;
};

/// A worker as the others see it.
struct WorkerStatus {
  WorkerStatus() noexcept = default;
  std::string name;
  std::uint32_t concurrency = 0;
  std::uint64_t running = 0;
  /// Since it was last heard of.
  Duration silent;
};

struct QueueStatus {
  QueueStatus() noexcept = default;
  std::string queue;
  std::uint64_t queued = 0;
  std::uint64_t running = 0;
  std::uint64_t delayed = 0;
  std::uint64_t dead = 0;
  // Since the queue was made:
  std::uint64_t accepted = 0;
  std::uint64_t finished = 0;     ///< of them: with a value
  std::uint64_t failed = 0;       ///< with an error, cancelled, or as a dead letter
  std::uint64_t retried = 0;      ///< attempts after the first one
  std::uint64_t redelivered = 0;  ///< deliveries of which nobody has come back
  std::uint64_t duplicates = 0;   ///< ends of what had ended before: it was executed twice
  /// Tasks a second over all workers; 0: as many as they can.
  double rate = 0;
  std::vector<WorkerStatus> workers;
};

struct DeadLetter {
  DeadLetter() noexcept = default;
  /// For requeue().
  std::string entry;
  Message message;
  std::string reason;
};

/// Keeps messages until somebody has done what they say. All of it may be called by any number of
/// tasks at the same time; what is published together, or finished together, costs less.
///
/// Threads: those of one loop.
/// Errors: what a broker cannot reach for a while it tries again, for as long as it takes; only
/// what cannot become right by waiting is thrown (std::system_error for a name that does not exist
/// or a password that is wrong when it connects first, RuntimeError for a server that cannot do
/// it). Cancellation ends every wait.
/// Lifetime: it outlives whoever uses it; it is used up by close().
class Broker {
 public:
  Broker() = default;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  virtual ~Broker() = default;

  // --- for clients -------------------------------------------------------------------------------

  /// Keeps the messages. One that it has accepted is not lost. `max_queued`: of those that wait in
  /// the queue, delayed ones among them; 0: any number.
  ///
  /// Returns: for each what has become of it.
  /// Cancellation: they may have been accepted.
  [[nodiscard]] virtual Coro<std::vector<Accepted>> publish(std::vector<Message> messages,
                                                            std::uint64_t max_queued) = 0;
  /// Waits until there is something for this client.
  ///
  /// Cancellation: loses nothing.
  [[nodiscard]] virtual Coro<std::vector<Reply>> replies(std::string client) = 0;
  /// This client does not wait for it any more. When nobody does, it does not begin, and whoever
  /// has it is told. What nobody has waited for from the beginning is cancelled, too.
  [[nodiscard]] virtual Coro<> cancel(std::string queue, std::string id, std::string client) = 0;

  // --- for workers -------------------------------------------------------------------------------

  /// Waits for messages, or for a cancellation of what this one has. At most so many.
  ///
  /// Cancellation: loses nothing: what was on its way to this one goes to another one, at once or
  /// when its time is over.
  [[nodiscard]] virtual Coro<Claimed> claim(const Consumer& consumer, std::uint32_t most) = 0;
  /// Begins the time of the leases anew, also in the status. Called more often than their time is
  /// over, without any, too: that this one lives.
  ///
  /// Returns: those that are not this one's any more.
  [[nodiscard]] virtual Coro<std::vector<Lease>> extend(const Consumer& consumer,
                                                        std::vector<Lease> leases) = 0;
  /// They are done, and whoever waits for them is told. The first end of a message is the one that
  /// counts.
  [[nodiscard]] virtual Coro<> finish(std::vector<Finished> ends) = 0;
  /// It is a dead letter, and whoever waits for it gets the payload as an error.
  [[nodiscard]] virtual Coro<> fail(Delivery delivery, std::string reason, std::string payload) = 0;
  /// It goes back to its queue, to be delivered after `delay`, as the attempt that `delivery` says.
  [[nodiscard]] virtual Coro<> delay(Delivery delivery, Duration delay) = 0;
  /// How far a task is.
  [[nodiscard]] virtual Coro<> report(Lease lease, std::int64_t done, std::int64_t total) = 0;
  /// Delivers what is due: delayed messages, and those whose worker is silent. Any worker may; each
  /// should, for its queues.
  ///
  /// Returns: how long nothing will be due, as far as it knows now.
  [[nodiscard]] virtual Coro<Duration> tend(const Consumer& consumer) = 0;
  /// This one ends: nobody waits for it to come back.
  [[nodiscard]] virtual Coro<> leave(const Consumer& consumer) = 0;

  // --- for who looks -----------------------------------------------------------------------------

  /// Every queue that anything was published to.
  [[nodiscard]] virtual Coro<std::vector<std::string>> queues() = 0;
  [[nodiscard]] virtual Coro<QueueStatus> status(std::string queue) = 0;
  /// What waits to be delivered, the oldest first; delayed ones behind them.
  [[nodiscard]] virtual Coro<std::vector<Message>> queued(std::string queue,
                                                          std::uint64_t most) = 0;
  /// The oldest first, after the one whose entry is `after`; "": from the beginning.
  [[nodiscard]] virtual Coro<std::vector<DeadLetter>> dead(std::string queue, std::string after,
                                                           std::uint64_t most) = 0;
  /// Dead letters go back to their queue, as new ones. Returns: how many there were.
  [[nodiscard]] virtual Coro<std::uint64_t> requeue(std::string queue,
                                                    std::vector<std::string> entries) = 0;
  /// Drops what waits to be delivered. Whoever waits for it is told that it was cancelled.
  /// Returns: how many.
  [[nodiscard]] virtual Coro<std::uint64_t> drain(std::string queue) = 0;
  /// At most so many a second are delivered, over all workers; 0: any number.
  [[nodiscard]] virtual Coro<> limit_rate(std::string queue, double per_second) = 0;

  /// Ends what it does. What was accepted stays. Idempotent.
  [[nodiscard]] virtual Coro<> close() = 0;
};

}  // namespace asyncio::cluster
