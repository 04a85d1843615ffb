#pragma once

#include <asyncio/cluster.hpp>
#include <asyncio/future.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/task.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace asyncio::cluster::detail {

/// What a Cluster is made of. Its tasks and the calls that wait hold it.
///
/// A call goes: it takes a slot → it is listed as waiting → it is published, together with whatever
/// else is to be by then → the reply comes by way of the one task that reads replies.
/// Threads: the loop's.
class ClusterState {
 public:
  ClusterState(Broker* broker, std::string_view url, const ClusterOptions& options);
  ClusterState(const ClusterState&) = delete;
  ClusterState& operator=(const ClusterState&) = delete;
  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  using Self = asyncio::detail::Ref<ClusterState>;

  [[nodiscard]] Broker& broker() noexcept { return *broker_; }
  [[nodiscard]] Outgoing prepare(Call call, const SubmitOptions& options);
  static Coro<std::string> call(Self self, Outgoing outgoing);
  static Coro<std::string> send(Self self, Outgoing outgoing);
  /// Nothing is waited for any more: calls get a RuntimeError.
  void give_up() noexcept;
  /// Waits for the ends of the tasks that give_up() has cancelled.
  static Coro<> ended(Self self);

 private:
  class Waiting;
  struct Publication {
    Publication(Message m, Future<Accepted> f) noexcept
        : message(std::move(m)), done(std::move(f)) {}
    Message message;
    Future<Accepted> done;
  };
  ~ClusterState() = default;

  static Coro<> accept(Self self, Outgoing outgoing);
  static Coro<Accepted> publish(Self self, Message message);
  static Coro<> send_outbox(Self self);
  static Coro<> read_replies(Self self);
  static Coro<> work(Self self);
  static Coro<> forget(Self self, std::string queue, std::string id);
  void check_open() const;
  void start_sending();
  void start_reading();
  void dispatch(Reply reply);
  void fail_all(const std::exception_ptr& error);
  [[nodiscard]] std::string new_id();

  std::unique_ptr<Broker> own_;
  Broker* broker_;
  std::unique_ptr<Worker> worker_;  // in this process, on its own broker
  std::string name_;                // as brokers know this client
  std::string queue_;
  std::uint64_t max_queued_;
  Semaphore slots_;
  std::uint64_t last_id_ = 0;
  std::vector<Publication> outbox_;
  std::unordered_multimap<std::string, Waiting*> waiting_;  // by id
  std::optional<Task<>> sending_;
  std::optional<Task<>> reading_;
  std::optional<Task<>> working_;
  bool closed_ = false;
  int users_ = 0;
};

}  // namespace asyncio::cluster::detail
