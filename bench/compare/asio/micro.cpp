// The micro benchmark on Boost.Asio's awaitables.
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <random>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "rows.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using rows::check;

// Asio at its fastest: the loop's own executor type rather than any_io_executor, which erases it,
// and deferred rather than use_awaitable, which adds a coroutine frame to every operation.
using Executor = asio::io_context::executor_type;
template <class T = void>
using Coro = asio::awaitable<T, Executor>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
constexpr asio::use_awaitable_t<Executor> use_awaitable;
constexpr int one_thread = 1;  // io_context's concurrency hint

// Work that runs a coroutine in a loop of its own.
auto in_loop(Coro<std::size_t> (*coroutine)(std::size_t)) {
  return [coroutine](std::size_t n) {
    asio::io_context loop(one_thread);
    auto operations = asio::co_spawn(loop.get_executor(), coroutine(n), asio::use_future);
    loop.run();
    return operations.get();
  };
}

// Joins tasks: each reports its completion here, and the last one wakes the parent.
class Join {
 public:
  Join(const Executor& executor, std::size_t tasks)
      : all_(executor, Timer::time_point::max()), pending_(tasks) {}

  auto completion() {
    return [this](const std::exception_ptr& error) {
      if (error) ++failed_;
      if (--pending_ == 0) all_.cancel();
    };
  }
  Coro<> wait() {
    error_code cancelled;
    if (pending_ > 0) co_await all_.async_wait(asio::redirect_error(use_awaitable, cancelled));
  }
  std::size_t pending() const { return pending_; }
  std::size_t failed() const { return failed_; }

 private:
  Timer all_;
  std::size_t pending_;
  std::size_t failed_ = 0;
};

[[gnu::noinline]] Coro<int> one() { co_return 1; }

Coro<> count_one(std::size_t& count) {
  ++count;
  co_return;
}

Coro<> sleep(Clock::duration delay) {
  Timer timer(co_await asio::this_coro::executor, delay);
  co_await timer.async_wait(asio::deferred);
}

Coro<> yield(std::size_t n, std::size_t& yields) {
  for (std::size_t i = 0; i < n; ++i) {
    co_await asio::post(asio::deferred);
    ++yields;
  }
}

Coro<int> fib(int k) { co_return k < 2 ? k : co_await fib(k - 1) + co_await fib(k - 2); }

class RandomDelay {
 public:
  std::chrono::milliseconds operator()() { return std::chrono::milliseconds(engine_() % 1000); }

 private:
  std::mt19937 engine_{42};
};

Coro<std::size_t> await_ready(std::size_t n) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += co_await one();
  check(sum == n, "sum");
  co_return n;
}

// fib(k) takes 2 * fib(k + 1) - 1 calls; k is the largest that takes no more than n.
Coro<std::size_t> fib_calls(std::size_t n) {
  int k = 0;
  std::size_t value = 0;
  std::size_t next = 1;
  for (; 2 * (value + next) - 1 <= n; ++k) value = std::exchange(next, value + next);
  check(static_cast<std::size_t>(co_await fib(k)) == value, "fib");
  co_return 2 * next - 1;
}

Coro<std::size_t> create_task(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    co_await asio::co_spawn(executor, count_one(count), asio::deferred);
  }
  check(count == n, "count");
  co_return n;
}

Coro<std::size_t> create_all(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  std::size_t count = 0;
  Join join(executor, n);
  for (std::size_t i = 0; i < n; ++i) {
    asio::co_spawn(executor, count_one(count), join.completion());
  }
  co_await join.wait();
  check(count == n && join.pending() == 0, "count");
  co_return n;
}

Coro<std::size_t> yield_1(std::size_t n) {
  std::size_t yields = 0;
  co_await asio::co_spawn(co_await asio::this_coro::executor, yield(n, yields), asio::deferred);
  check(yields == n, "yields");
  co_return n;
}

Coro<std::size_t> yield_1000(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  std::size_t yields = 0;
  Join join(executor, 1000);
  for (int i = 0; i < 1000; ++i) {
    asio::co_spawn(executor, yield(n / 1000, yields), join.completion());
  }
  co_await join.wait();
  check(yields == n / 1000 * 1000, "yields");
  co_return yields;
}

// Posts 1,000 callbacks and itself, until n have run.
struct Burst {
  asio::io_context* loop;
  std::size_t n;
  std::size_t* count;

  void operator()() const {
    if (*count >= n) return;
    for (int i = 0; i < 1000; ++i) asio::post(*loop, [count = count] { ++*count; });
    asio::post(*loop, *this);
  }
};

std::size_t call_soon(std::size_t n) {
  asio::io_context loop(one_thread);
  std::size_t count = 0;
  asio::post(loop, Burst{&loop, n, &count});
  loop.run();
  check(count >= n && count < n + 1000, "count");
  return count;
}

Coro<std::size_t> sleeps(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  RandomDelay delay;
  Join join(executor, n);
  for (std::size_t i = 0; i < n; ++i) asio::co_spawn(executor, sleep(delay()), join.completion());
  co_await join.wait();
  check(join.pending() == 0 && join.failed() == 0, "completions");
  co_return n;
}

std::size_t timer_cancel(std::size_t n) {
  asio::io_context loop(one_thread);
  RandomDelay delay;
  std::size_t cancelled = 0;
  std::vector<Timer> timers;
  timers.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    timers.emplace_back(loop, 1s + delay()).async_wait([&](error_code error) {
      if (error == asio::error::operation_aborted) ++cancelled;
    });
  }
  for (Timer& timer : timers) timer.cancel();
  loop.run();
  check(cancelled == n, "cancelled timers");
  return n;
}

std::size_t threadsafe(std::size_t n) {
  asio::io_context loop(one_thread);
  const auto until_stopped = asio::make_work_guard(loop);
  std::size_t count = 0;
  const std::jthread poster([&] {
    for (std::size_t i = 0; i < n; ++i) {
      asio::post(loop, [&] {
        if (++count == n) loop.stop();
      });
    }
  });
  loop.run();
  check(count == n, "count");
  return n;
}

Coro<std::size_t> to_thread(std::size_t n) {
  asio::thread_pool pool(1);
  const auto home = std::this_thread::get_id();
  std::size_t away = 0;
  for (std::size_t i = 0; i < n; ++i) {
    co_await asio::post(asio::bind_executor(pool, asio::deferred));
    if (std::this_thread::get_id() != home) ++away;
    co_await asio::post(asio::deferred);
  }
  check(away == n && std::this_thread::get_id() == home, "threads");
  co_return n;
}

Coro<std::size_t> cancel(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<asio::cancellation_signal> signals(n);
  Join join(executor, n);
  for (auto& signal : signals) {
    asio::co_spawn(executor, sleep(100s),
                   asio::bind_cancellation_slot(signal.slot(), join.completion()));
  }
  co_await asio::post(asio::deferred);
  for (auto& signal : signals) signal.emit(asio::cancellation_type::terminal);
  co_await join.wait();
  check(join.failed() == n, "cancelled tasks");
  co_return n;
}

Coro<std::size_t> timeout(std::size_t n) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Timer timer(executor, 10s);
    const auto first = co_await (one() || timer.async_wait(use_awaitable));
    sum += std::get<int>(first);
  }
  check(sum == n, "sum");
  co_return n;
}

// A channel of one as a lock: it hands itself to who waits longest.
class Lock {
 public:
  explicit Lock(const Executor& executor) : channel_(executor, 1) {}

  bool try_acquire() { return channel_.try_send(error_code()); }
  auto acquire() { return channel_.async_send(error_code(), asio::deferred); }
  void release() {
    channel_.try_receive([](error_code) {});
  }

 private:
  asio::experimental::channel<Executor, void(error_code)> channel_;
};

// One of so many users, none of whom may be more than a turn ahead of another.
Coro<> lock_user(Lock& lock, std::size_t users, std::size_t n, std::size_t& count) {
  for (std::size_t i = 0; i < n; ++i) {
    if (!lock.try_acquire()) co_await lock.acquire();
    ++count;
    lock.release();
  }
  check(count > users * (n - 1), "turns");
}

Coro<std::size_t> lock_free(std::size_t n) {
  Lock lock(co_await asio::this_coro::executor);
  std::size_t count = 0;
  co_await lock_user(lock, 1, n, count);
  check(count == n, "count");
  co_return n;
}

Coro<std::size_t> lock_handed(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  Lock lock(executor);
  std::size_t count = 0;
  Join join(executor, 100);
  check(lock.try_acquire(), "free lock");
  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(executor, lock_user(lock, 100, n / 100, count), join.completion());
  }
  co_await asio::post(asio::deferred);
  lock.release();
  co_await join.wait();
  check(count == n / 100 * 100, "count");
  co_return count;
}

using Items = asio::experimental::channel<Executor, void(error_code, std::size_t)>;

Coro<> send_all(Items& items, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    if (!items.try_send(error_code(), 1)) {
      co_await items.async_send(error_code(), 1, asio::deferred);
    }
  }
}

Coro<> receive_all(Items& items, std::size_t n, std::size_t& sum) {
  for (std::size_t i = 0; i < n; ++i) {
    const bool received = items.try_receive([&](error_code, std::size_t item) { sum += item; });
    if (!received) sum += co_await items.async_receive(asio::deferred);
  }
}

Coro<std::size_t> through_channel(std::size_t capacity, std::size_t pairs, std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  Items items(executor, capacity);
  std::size_t sum = 0;
  Join join(executor, 2 * pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    asio::co_spawn(executor, send_all(items, n / pairs), join.completion());
    asio::co_spawn(executor, receive_all(items, n / pairs, sum), join.completion());
  }
  co_await join.wait();
  check(sum == n / pairs * pairs, "sum");
  co_return sum;
}

Coro<std::size_t> queue_pingpong(std::size_t n) { return through_channel(1, 1, n); }
Coro<std::size_t> channel(std::size_t n) { return through_channel(1024, 4, n); }

// A timer that never expires is what many can wait for at once: cancel() wakes them.
Coro<> event_waiter(Timer& event, std::size_t n, std::size_t& count) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto [error] = co_await event.async_wait(asio::as_tuple(asio::deferred));
    if (error == asio::error::operation_aborted) ++count;
  }
}

Coro<std::size_t> event_set(std::size_t n) {
  const auto executor = co_await asio::this_coro::executor;
  Timer event(executor, Timer::time_point::max());
  std::size_t count = 0;
  Join join(executor, 1000);
  for (int i = 0; i < 1000; ++i) {
    asio::co_spawn(executor, event_waiter(event, n / 1000, count), join.completion());
  }
  co_await asio::post(asio::deferred);
  for (std::size_t i = 0; i < n / 1000; ++i) {
    event.cancel();
    co_await asio::post(asio::deferred);
    check(count == (i + 1) * 1000, "count");
  }
  co_await join.wait();
  co_return count;
}

rows::Figures memory(std::size_t n) {
  asio::io_context loop(one_thread);
  const std::size_t before = rows::peak_memory();
  std::size_t started = 0;
  asio::post(loop, [&] {
    for (; started < n; ++started) {
      asio::co_spawn(loop.get_executor(), sleep(100s), asio::detached);
    }
  });
  loop.poll();
  check(started == n, "started tasks");
  const double bytes = static_cast<double>(rows::peak_memory() - before) / static_cast<double>(n);
  return {bytes, bytes, n};
}

int main(int argc, char** argv) {
  using rows::once, rows::repeated;
  const rows::Row all[] = {
      {"await_ready", 10'000'000, repeated(in_loop(await_ready))},
      {"fib", 2'692'537, repeated(in_loop(fib_calls))},
      {"create_task", 500'000, repeated(in_loop(create_task))},
      {"create_all", 250'000, repeated(in_loop(create_all))},
      {"yield_1", 5'000'000, repeated(in_loop(yield_1))},
      {"yield_1000", 5'000'000, repeated(in_loop(yield_1000))},
      {"call_soon", 4'000'000, repeated(call_soon)},
      {"sleeps", 1'000'000, once(in_loop(sleeps))},
      {"timer_cancel", 1'000'000, repeated(timer_cancel)},
      {"threadsafe", 1'000'000, repeated(threadsafe)},
      {"to_thread", 20'000, repeated(in_loop(to_thread))},
      {"cancel", 25'000, repeated(in_loop(cancel))},
      {"timeout", 25'000, repeated(in_loop(timeout))},
      {"lock_free", 5'000'000, repeated(in_loop(lock_free))},
      {"lock_handed", 500'000, repeated(in_loop(lock_handed))},
      {"queue_pingpong", 500'000, repeated(in_loop(queue_pingpong))},
      {"channel", 2'000'000, repeated(in_loop(channel))},
      {"event_set", 1'000'000, repeated(in_loop(event_set))},
      {"memory", 1'000'000, memory},
  };
  return rows::main(argc, argv, all);
}
