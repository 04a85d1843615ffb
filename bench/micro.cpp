// What awaits, tasks, yields, timers and cancellations cost here.
#include <asyncio/asyncio.hpp>

#include "rows.hpp"

#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

using asyncio::Coro;
using asyncio::Task;
using bench::require;
using namespace std::chrono_literals;

namespace {

constexpr long fib_of = 30;
constexpr long fib_calls = 2'692'537;

[[gnu::noinline]] Coro<int> one() { co_return 1; }
[[gnu::noinline]] Coro<> nothing() { co_return; }

Coro<> await_ready(long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) sum += co_await one();
  require(sum == n, "await_ready");
}

Coro<long> fib(long n) {
  if (n < 2) co_return n;
  co_return co_await fib(n - 1) + co_await fib(n - 2);
}

Coro<> fib_30() { require(co_await fib(fib_of) == 832'040, "fib"); }

Coro<long> down(long n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await down(n - 1);
}

Coro<> deep(long n) { require(co_await down(n) == n, "deep"); }

Coro<> create_task(long n) {
  for (long i = 0; i < n; ++i) co_await asyncio::create_task(nothing());
}

Coro<> create_all(long n) {
  std::vector<Task<>> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(nothing()));
  for (auto& task : tasks) co_await task;
}

Coro<> yields(long n) {
  for (long i = 0; i < n; ++i) co_await asyncio::sleep(0s);
}

Coro<> yield_1000(long n) {
  std::vector<Task<>> tasks;
  for (int i = 0; i < 1'000; ++i) tasks.push_back(asyncio::create_task(yields(n / 1'000)));
  for (auto& task : tasks) co_await task;
}

// A callback that schedules a thousand small ones and itself.
struct Burst {
  asyncio::EventLoop& loop;
  asyncio::Future<>& end;
  long& count;
  long wanted;
  void operator()() const {
    if (count >= wanted) {
      end.set_result();
      return;
    }
    for (int i = 0; i < 1'000; ++i) loop.call_soon([&count = count] { ++count; });
    loop.call_soon(*this);
  }
};

Coro<> call_soon(long n) {
  auto& loop = asyncio::get_running_loop();
  auto end = loop.create_future<void>();
  long count = 0;
  loop.call_soon(Burst{loop, end, count, n});
  co_await end;
  require(count == n, "call_soon");
}

Coro<> sleep_for(int milliseconds) {
  co_await asyncio::sleep(std::chrono::milliseconds(milliseconds));
}

Coro<> sleeps(long n) {
  std::vector<Task<>> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (const int delay : bench::random_delays(n)) {
    tasks.push_back(asyncio::create_task(sleep_for(delay)));
  }
  for (auto& task : tasks) co_await task;
}

Coro<> timer_cancel(long n) {
  static const std::vector<int> delays = bench::random_delays(n);
  auto& loop = asyncio::get_running_loop();
  std::vector<asyncio::TimerHandle> timers;
  timers.reserve(static_cast<std::size_t>(n));
  for (const int delay : delays) {
    timers.push_back(loop.call_later(1s + std::chrono::milliseconds(delay), [] {}));
  }
  for (auto& timer : timers) timer.cancel();
  co_return;
}

Coro<> threadsafe(long n) {
  auto& loop = asyncio::get_running_loop();
  auto end = loop.create_future<void>();
  long count = 0;
  std::thread poster([&] {
    for (long i = 0; i < n; ++i) {
      loop.call_soon_threadsafe([&] {
        if (++count == n) end.set_result();
      });
    }
  });
  co_await end;
  poster.join();
}

Coro<> to_thread(long n) {
  for (long i = 0; i < n; ++i) co_await asyncio::to_thread([] {});
}

Coro<std::vector<Task<>>> sleepers(long n) {
  std::vector<Task<>> tasks;
  tasks.reserve(static_cast<std::size_t>(n));
  for (long i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(sleep_for(100'000)));
  co_await asyncio::sleep(0s);
  co_return tasks;
}

Coro<> cancel(long n) {
  const auto tasks = co_await sleepers(n);
  for (const auto& task : tasks) task.cancel();
  long cancelled = 0;
  for (const auto& task : tasks) {
    try {
      co_await task;
    } catch (const asyncio::CancelledError&) {
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
    const auto result = co_await asyncio::as_result(task);
    if (result.cancelled()) ++cancelled;
  }
  require(cancelled == n, "cancel_as_result");
}

Coro<> cancel_gather(long n) {
  const auto tasks = co_await sleepers(n);
  for (const auto& task : tasks) task.cancel();
  const auto results = co_await asyncio::gather(asyncio::return_exceptions, tasks);
  long cancelled = 0;
  for (const auto& result : results) cancelled += result.cancelled() ? 1 : 0;
  require(cancelled == n, "cancel_gather");
}

Coro<> timeout(long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) {
    co_await asyncio::with(asyncio::timeout(10s),
                           [&](asyncio::Timeout&) -> Coro<> { sum += co_await one(); });
  }
  require(sum == n, "timeout");
}

Coro<> wait_for(long n) {
  long sum = 0;
  for (long i = 0; i < n; ++i) sum += co_await asyncio::wait_for(one(), 10s);
  require(sum == n, "wait_for");
}

// One of so many users, none of whom may be more than a turn ahead of another.
Coro<> lock_user(asyncio::Lock& lock, long users, long n, long& sum) {
  for (long i = 0; i < n; ++i) {
    co_await lock.acquire();
    ++sum;
    lock.release();
  }
  require(sum > users * (n - 1), "lock_user");
}

Coro<> lock_free(long n) {
  asyncio::Lock lock;
  long sum = 0;
  co_await lock_user(lock, 1, n, sum);
  require(sum == n, "lock_free");
}

// The lock is held until all have queued up. From then on every acquire waits without anybody
// yielding while he has it: release() chooses the first in the line, and who has released it comes
// behind all others with his next acquire.
Coro<> lock_handed(long n) {
  asyncio::Lock lock;
  long sum = 0;
  co_await lock.acquire();
  std::vector<Task<>> tasks;
  for (int i = 0; i < 100; ++i) {
    tasks.push_back(asyncio::create_task(lock_user(lock, 100, n / 100, sum)));
  }
  co_await asyncio::sleep(0s);
  lock.release();
  for (auto& task : tasks) co_await task;
  require(sum == n / 100 * 100, "lock_handed");
}

Coro<> put_all(asyncio::Queue<long>& queue, long n) {
  for (long i = 0; i < n; ++i) co_await queue.put(1);
}

Coro<> get_all(asyncio::Queue<long>& queue, long n, long& sum) {
  for (long i = 0; i < n; ++i) sum += co_await queue.get();
}

// With room for one the two take turns, item by item: each wakes the other and waits.
Coro<> queue_pingpong(long n) {
  asyncio::Queue<long> queue(1);
  long sum = 0;
  const auto producer = asyncio::create_task(put_all(queue, n));
  const auto consumer = asyncio::create_task(get_all(queue, n, sum));
  co_await producer;
  co_await consumer;
  require(sum == n, "queue_pingpong");
}

Coro<> send_all(asyncio::Channel<long>& channel, long n) {
  for (long i = 0; i < n; ++i) co_await channel.send(1);
}

Coro<> receive_all(asyncio::Channel<long>& channel, long& sum) {
  while (const auto item = co_await channel.next()) sum += *item;
}

Coro<> channel(long n) {
  asyncio::Channel<long> channel(1'024);
  long sum = 0;
  std::vector<Task<>> producers;
  std::vector<Task<>> consumers;
  for (int i = 0; i < 4; ++i) {
    producers.push_back(asyncio::create_task(send_all(channel, n / 4)));
    consumers.push_back(asyncio::create_task(receive_all(channel, sum)));
  }
  for (auto& task : producers) co_await task;
  channel.close();
  for (auto& task : consumers) co_await task;
  require(sum == n / 4 * 4, "channel");
}

Coro<> event_waiter(asyncio::Event& event, long n, long& sum) {
  for (long i = 0; i < n; ++i) {
    co_await event.wait();
    ++sum;
  }
}

// An operation is one of the thousand: chosen, run, and waiting again.
Coro<> event_set(long n) {
  asyncio::Event event;
  long sum = 0;
  std::vector<Task<>> tasks;
  for (int i = 0; i < 1'000; ++i) {
    tasks.push_back(asyncio::create_task(event_waiter(event, n / 1'000, sum)));
  }
  co_await asyncio::sleep(0s);
  for (long i = 0; i < n / 1'000; ++i) {
    event.set();
    event.clear();
    co_await asyncio::sleep(0s);
    require(sum == (i + 1) * 1'000, "event_set");
  }
  for (auto& task : tasks) co_await task;
}

// The loop keeps them; run() cancels them in the end.
Coro<double> bytes_per_sleeper(long n) {
  const double before = bench::peak_memory();
  for (long i = 0; i < n; ++i) asyncio::create_task(sleep_for(100'000));
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  co_return (bench::peak_memory() - before) / static_cast<double>(n);
}

template <Coro<> (*coroutine)(long)>
void run(long n) {
  asyncio::run(coroutine(n));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::main(
      argc, argv,
      {
          {"await_ready", 10'000'000, run<await_ready>},
          {"fib", fib_calls, [](long) { asyncio::run(fib_30()); }},
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
          {"cancel_gather", 100'000, run<cancel_gather>},
          {"timeout", 1'000'000, run<timeout>},
          {"wait_for", 1'000'000, run<wait_for>},
          {"lock_free", 10'000'000, run<lock_free>},
          {"lock_handed", 10'000'000, run<lock_handed>},
          {"queue_pingpong", 5'000'000, run<queue_pingpong>},
          {"channel", 5'000'000, run<channel>},
          {"event_set", 5'000'000, run<event_set>},
          {"memory", 1'000'000, nullptr, [](long n) { return asyncio::run(bytes_per_sleeper(n)); }},
      });
}
