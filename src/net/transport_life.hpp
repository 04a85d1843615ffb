#pragma once

#include <asyncio/detail/failure.hpp>

#include "base/chain.hpp"
#include "loop/loop_state.hpp"

#include <cstdint>
#include <string_view>

namespace asyncio::detail {

class NetService;
class ServerState;

/// What transports of all kinds have in common: handles, turns of the loop, and the end, which
/// comes once.
///
/// Its life: open → closing, by close() or an end that was received → losing, when nothing is left
/// to be sent → lost, in a turn of its own → gone, when nobody has a handle any more. abort() and
/// errors go to losing from anywhere.
///
/// Threads: the loop's.
class TransportLife : public Pooled, public ChainLink<TransportLife> {
 public:
  /// Throws: std::bad_alloc.
  explicit TransportLife(LoopState& loop);
  TransportLife(const TransportLife&) = delete;
  TransportLife& operator=(const TransportLife&) = delete;

  void add_ref() noexcept { ++users_; }
  void drop_ref() noexcept {
    if (--users_ == 0) delete this;
  }

  /// Sends what is left, then ends.
  void close() noexcept;
  /// Ends at once; what is left is dropped.
  void abort() noexcept { lose(Failure()); }
  /// Ends because of `failure`.
  void lose(Failure failure) noexcept;
  /// The loop ends: nobody is told any more.
  void abandon() noexcept;

  [[nodiscard]] bool is_closing() const noexcept { return state_ != State::open; }
  [[nodiscard]] bool is_lost() const noexcept { return state_ >= State::losing; }
  /// After connection_lost().
  [[nodiscard]] bool has_ended() const noexcept { return state_ == State::lost; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

  /// It counts as a client of a server until it has ended.
  void serve(ServerState& server) noexcept;
  [[nodiscard]] const ServerState* server() const noexcept { return server_; }
  /// Between these a task of the server handles it: they are one client.
  void begin_handler() noexcept;
  void end_handler() noexcept;

  [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }

 protected:
  virtual ~TransportLife();

  // --- turns ---

  /// What is to be done, as bits, in its next turn of the ready queue. It stays alive until then.
  /// Its slot is reserved.
  void schedule(std::uint8_t due) noexcept;
  /// The same, but where the turn of an event would be that the next poll finds.
  void schedule_at_poll(std::uint8_t due) noexcept;
  virtual void take_turn(std::uint8_t due) = 0;

  // --- the end ---

  /// Until it has ended it needs nobody's handle.
  void live_on() noexcept;
  /// In the turn of whoever calls it, in which no code of others is.
  void lost();
  /// close() or the loss begins: nothing is received any more.
  virtual void stop_reading() noexcept = 0;
  /// What is unsent is dropped.
  virtual void stop_writing() noexcept = 0;
  /// Of one that is closing: true if nothing is left but the end.
  [[nodiscard]] virtual bool all_sent() noexcept = 0;
  /// Last of all calls, once. Not if the loop ends before. Throws: KeyboardInterrupt.
  virtual void connection_lost() = 0;
  /// After it, or instead: closes the descriptor and gives back what it keeps.
  virtual void release() noexcept = 0;

  // --- saying so ---

  /// The error that is being handled, to the loop's exception handler, with these words.
  void report(std::string_view before, std::string_view what, std::string_view after) noexcept;
  /// Something is sent after the loss. Returns: whether to say so, as CPython not from the start.
  [[nodiscard]] bool tell_of_drop() noexcept;

 private:
  // In this order.
  enum class State : std::uint8_t { open, closing, losing, lost };

  struct Turn : PolledCall {
    explicit Turn(TransportLife& l) noexcept : PolledCall(&Turn::run), life(l) {}
    static void run(ReadyCall& self, ReadyAction action);
    TransportLife& life;
  };
  struct End : ReadyCall {
    explicit End(TransportLife& l) noexcept : ReadyCall{&End::run}, life(l) {}
    static void run(ReadyCall& self, ReadyAction action);
    TransportLife& life;
  };

  // Returns: false if its turn is in the ready queue already.
  [[nodiscard]] bool add(std::uint8_t due) noexcept;
  void end() noexcept;
  void release_all() noexcept;
  void leave_server() noexcept;
  void leave_loop() noexcept;

  LoopState* loop_;  // null once that has ended
  Failure failure_;
  ServerState* server_ = nullptr;  // attached to it
  Turn turn_{*this};
  End end_{*this};
  unsigned users_ = 1;
  State state_ = State::open;
  std::uint8_t due_ = 0;     // not 0: turn_ is in the ready queue
  bool end_queued_ = false;  // end_ is
  bool lives_on_ = false;
  bool has_handler_ = false;
  std::uint8_t drops_ = 0;
};

}  // namespace asyncio::detail
