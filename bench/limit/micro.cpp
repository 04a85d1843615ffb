// The rows of ../micro.cpp on the limit: coroutines, a loop, timers, a thread, and nothing else.
#include "coroutine.hpp"
#include "event.hpp"
#include "gate.hpp"
#include "lock.hpp"
#include "loop.hpp"
#include "queue.hpp"
#include "sleep.hpp"
#include "task.hpp"
#include "thread_pool.hpp"
#include "timeout.hpp"

#include "rows.hpp"

#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

using bench::require;
using limit::Coro;
using limit::loop;
using limit::Task;
using limit::Yield;

namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t second = 1'000 * millisecond;

constexpr long fib_of = 30;
constexpr long fib_calls = 2'692'537;

[[gnu::noinline]] Coro<int> one() { co_return 1; }
[[gnu::noinline]] Task nothing() { co_return; }

Coro<> await_ready(long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) sum += co_await one();
  require(sum == n, "await_ready");
}

Coro<long> fib(long n) {
  if (n < 2) co_return n;
  co_return co_await fib(n - 1) + co_await fib(n - 2);
}

Coro<> fib_30(long) { require(co_await fib(fib_of) == 832'040, "fib"); }

// Not `n == 0 ? 0 : ...`: g++ 12 makes the inner coroutine before it looks at the condition.
Coro<long> down(long n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await down(n - 1);
}

Coro<> deep(long n) { require(co_await down(n) == n, "deep"); }

Coro<> create_task(long n) {
  for (long i = 0; i < n; ++i) co_await nothing();
}

Coro<> create_all(long n) {
  std::vector<Task> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) tasks.push_back(nothing());
  for (auto& task : tasks) co_await task;
}

Coro<> yields(long n) {
  for (long i = 0; i < n; ++i) co_await Yield{};
}

Task yielder(long n) {
  for (long i = 0; i < n; ++i) co_await Yield{};
}

Coro<> yield_1000(long n) {
  std::vector<Task> tasks;
  for (int i = 0; i < 1'000; ++i) tasks.push_back(yielder(n / 1'000));
  for (auto& task : tasks) co_await task;
}

void count_one(void* count) { ++*static_cast<long*>(count); }

// A callback that schedules a thousand small ones and itself.
struct Burst {
  long wanted = 0;
  long count = 0;
  limit::Gate end = {};

  static void run(void* context) {
    auto& burst = *static_cast<Burst*>(context);
    if (burst.count >= burst.wanted) return burst.end.open();
    for (int i = 0; i < 1'000; ++i) loop.call_soon({count_one, &burst.count});
    loop.call_soon({run, context});
  }
};

Coro<> call_soon(long n) {
  Burst burst{.wanted = n};
  loop.call_soon({Burst::run, &burst});
  co_await burst.end;
  require(burst.count == n, "call_soon");
}

Task sleep_for(int milliseconds) { co_await limit::Sleep(milliseconds * millisecond); }

Coro<> sleeps(long n) {
  std::vector<Task> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (const int delay : bench::random_delays(n)) tasks.push_back(sleep_for(delay));
  for (auto& task : tasks) co_await task;
}

Coro<> timer_cancel(long n) {
  static const std::vector<int> delays = bench::random_delays(n);
  std::vector<limit::Timer*> timers;
  timers.reserve(static_cast<std::size_t>(n));
  long called = 0;
  for (const int delay : delays) {
    timers.push_back(loop.call_later(second + delay * millisecond, {count_one, &called}));
  }
  for (auto* timer : timers) loop.cancel(timer);
  co_await Yield{};
  require(called == 0, "timer_cancel");
}

struct Countdown {
  long left = 0;
  limit::Gate end = {};

  static void step(void* context) {
    auto& countdown = *static_cast<Countdown*>(context);
    if (--countdown.left == 0) countdown.end.open();
  }
};

Coro<> threadsafe(long n) {
  Countdown countdown{.left = n};
  std::thread poster([&] {
    for (long i = 0; i < n; ++i) loop.call_soon_threadsafe({Countdown::step, &countdown});
  });
  co_await countdown.end;
  poster.join();
  require(countdown.left == 0, "threadsafe");
}

Coro<> to_thread(long n) {
  limit::ThreadPool pool;
  long calls = 0;
  for (long i = 0; i < n; ++i) co_await limit::ToThread(pool, {count_one, &calls});
  require(calls == n, "to_thread");
}

Coro<std::vector<Task>> sleepers(long n) {
  std::vector<Task> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) tasks.push_back(sleep_for(100'000));
  co_await Yield{};
  co_return tasks;
}

Coro<> cancel(long n) {
  const auto tasks = co_await sleepers(n);
  for (const auto& task : tasks) task.cancel();
  long cancelled = 0;
  for (const auto& task : tasks) {
    try {
      co_await task;
    } catch (const limit::Cancelled&) {
      ++cancelled;
    }
  }
  require(cancelled == n, "cancel");
}

Coro<> cancel_as_result(long n) {
  const auto tasks = co_await sleepers(n);
  for (const auto& task : tasks) task.cancel();
  long cancelled = 0;
  for (const auto& task : tasks) {
    co_await limit::EndOf{task};
    if (task.failed()) ++cancelled;
  }
  require(cancelled == n, "cancel_as_result");
}

Coro<> add_one(long& sum) { sum += co_await one(); }

Coro<> timeout(long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) co_await limit::Timeout(10 * second, add_one(sum));
  require(sum == n, "timeout");
}

Task lock_user(limit::Lock& lock, long users, long n, long& sum) {
  for (long i = 0; i < n; ++i) {
    co_await lock.acquire();
    ++sum;
    lock.release();
  }
  require(sum > users * (n - 1), "lock_user");
}

Coro<> lock_free(long n) {
  limit::Lock lock;
  long sum = 0;
  co_await lock_user(lock, 1, n, sum);
  require(sum == n, "lock_free");
}

Coro<> lock_handed(long n) {
  limit::Lock lock;
  long sum = 0;
  co_await lock.acquire();
  std::vector<Task> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(lock_user(lock, 100, n / 100, sum));
  co_await Yield{};
  lock.release();
  for (auto& task : tasks) co_await task;
  require(sum == n / 100 * 100, "lock_handed");
}

Task put_all(limit::Queue<long>& queue, long n) {
  for (long i = 0; i < n; ++i) co_await queue.put(1);
}

Task get_all(limit::Queue<long>& queue, long n, long& sum) {
  for (long i = 0; i < n; ++i) sum += co_await queue.get();
}

Coro<> through_queue(std::size_t capacity, int pairs, long n) {
  limit::Queue<long> queue(capacity);
  long sum = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < pairs; ++i) tasks.push_back(put_all(queue, n / pairs));
  for (int i = 0; i < pairs; ++i) tasks.push_back(get_all(queue, n / pairs, sum));
  for (auto& task : tasks) co_await task;
  require(sum == n / pairs * pairs, "queue");
}

Coro<> queue_pingpong(long n) { return through_queue(1, 1, n); }
Coro<> channel(long n) { return through_queue(1'024, 4, n); }

Task event_waiter(limit::Event& event, long n, long& sum) {
  for (long i = 0; i < n; ++i) {
    co_await event.wait();
    ++sum;
  }
}

Coro<> event_set(long n) {
  limit::Event event;
  long sum = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 1'000; ++i) tasks.push_back(event_waiter(event, n / 1'000, sum));
  co_await Yield{};
  for (long i = 0; i < n / 1'000; ++i) {
    event.set();
    event.clear();
    co_await Yield{};
    require(sum == (i + 1) * 1'000, "event_set");
  }
  for (auto& task : tasks) co_await task;
}

Coro<> bytes_per_sleeper(long n, double& bytes) {
  std::vector<Task> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  const double before = bench::peak_memory();
  for (long i = 0; i < n; ++i) tasks.push_back(sleep_for(100'000));
  co_await Yield{};
  co_await Yield{};
  const double after = bench::peak_memory();
  for (auto& task : tasks) task.cancel();
  for (auto& task : tasks) co_await limit::EndOf{task};
  bytes = (after - before) / static_cast<double>(n);
}

Task as_task(Coro<> coroutine) { co_await coroutine; }

void run(Coro<> coroutine) {
  const Task task = as_task(std::move(coroutine));
  loop.run_until([&] { return task.done(); });
  task.get();
}

template <Coro<> (*coroutine)(long)>
void run(long n) {
  run(coroutine(n));
}

double memory(long n) {
  double bytes = 0;
  run(bytes_per_sleeper(n, bytes));
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::main(argc, argv,
                     {
                         {"await_ready", 10'000'000, run<await_ready>},
                         {"fib", fib_calls, run<fib_30>},
                         {"deep", 1'000'000, run<deep>},
                         {"create_task", 1'000'000, run<create_task>},
                         {"create_all", 1'000'000, run<create_all>},
                         {"yield_1", 10'000'000, run<yields>},
                         {"yield_1000", 10'000'000, run<yield_1000>},
                         {"call_soon", 10'000'000, run<call_soon>},
                         {"sleeps", 1'000'000, run<sleeps>, nullptr, true},
                         {"timer_cancel", 1'000'000, run<timer_cancel>},
                         {"threadsafe", 1'000'000, run<threadsafe>},
                         {"to_thread", 20'000, run<to_thread>},
                         {"cancel", 100'000, run<cancel>},
                         {"cancel_as_result", 100'000, run<cancel_as_result>},
                         {"timeout", 1'000'000, run<timeout>},
                         {"lock_free", 10'000'000, run<lock_free>},
                         {"lock_handed", 10'000'000, run<lock_handed>},
                         {"queue_pingpong", 5'000'000, run<queue_pingpong>},
                         {"channel", 5'000'000, run<channel>},
                         {"event_set", 5'000'000, run<event_set>},
                         {"memory", 1'000'000, nullptr, memory},
                     });
}
