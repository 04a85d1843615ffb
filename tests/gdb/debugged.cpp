// What gdb looks at: run by gdb.py with the name of a scenario.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// Where gdb stops.
extern "C" [[gnu::noinline]] void stop_here() { asm volatile("" ::: "memory"); }

namespace {

asyncio::Coro<int> add(int a, int b) {
  co_await asyncio::sleep(0s);
  co_return a + b;
}

asyncio::Coro<int> fail() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("no\x1b[31m more");
}

struct Odd {};

asyncio::Coro<> fail_oddly() {
  co_await asyncio::sleep(0s);
  throw Odd();
}

asyncio::Coro<> sleep_long() { co_await asyncio::sleep(1h); }

asyncio::Coro<> take(asyncio::Lock& lock) {
  co_await lock.acquire();
  co_await sleep_long();
}

asyncio::Coro<> get_one(asyncio::Queue<int>& queue) { co_await queue.get(); }

asyncio::Coro<> enter(asyncio::Semaphore& semaphore) {
  co_await semaphore.acquire();
  co_await sleep_long();
}

asyncio::Coro<> wait_for_event(asyncio::Event& event) { co_await event.wait(); }

// --- variables of every type, in every state ----------------------------------------

asyncio::Coro<> variables() {
  asyncio::Coro<int> coro = add(1, 2);
  asyncio::Coro<int> gone = add(1, 2);
  gone.close();
  asyncio::Task<int> finished = asyncio::create_task(add(40, 2), {.name = "adder"});
  asyncio::Task<int> failed = asyncio::create_task(fail(), {.name = "failing"});
  asyncio::Task<> odd = asyncio::create_task(fail_oddly(), {.name = "odd"});
  auto gathered = asyncio::gather(add(1, 2), add(3, 4));
  asyncio::Task<> cancelled = asyncio::create_task(sleep_long(), {.name = "cancelled"});
  asyncio::Task<> pending = asyncio::create_task(sleep_long());
  asyncio::AnyTask any = pending;
  asyncio::Future<std::string> empty;
  asyncio::Future<std::string> value;
  value.set_result("text");
  asyncio::Future<std::string> source;
  asyncio::Future<std::string> moved = std::move(source);

  asyncio::Lock lock;
  asyncio::Lock free_lock;
  asyncio::Lock held_lock;
  asyncio::Task<> owner = asyncio::create_task(take(lock), {.name = "owner"});
  asyncio::Task<> second = asyncio::create_task(take(lock), {.name = "second"});
  asyncio::Queue<int> queue(3);
  queue.put_nowait(11);
  queue.put_nowait(22);
  asyncio::Queue<int> empty_queue;
  asyncio::Task<> getter = asyncio::create_task(get_one(empty_queue), {.name = "getter"});
  asyncio::LifoQueue<std::string> lifo;
  lifo.put_nowait("first");
  lifo.put_nowait("second");
  asyncio::PriorityQueue<int> priority;
  for (int n : {3, 1, 2}) priority.put_nowait(n);
  asyncio::Queue<int> shut;
  shut.shutdown();
  asyncio::Event event;
  asyncio::Event set_event;
  set_event.set();
  asyncio::Task<> waiter = asyncio::create_task(wait_for_event(event), {.name = "waiter"});
  asyncio::Semaphore semaphore(2);
  asyncio::BoundedSemaphore bounded(1);
  asyncio::Semaphore taken(1);
  asyncio::Task<> in = asyncio::create_task(enter(taken), {.name = "in"});
  asyncio::Task<> out = asyncio::create_task(enter(taken), {.name = "out"});
  asyncio::Channel<std::string> closed(1);
  closed.close();
  asyncio::Channel<int> channel(2);
  if (!channel.try_send(7)) throw std::logic_error("no room");
  auto guard = co_await held_lock.hold();
  auto released = co_await semaphore.hold();
  released.release();
  asyncio::TaskGroup group;
  asyncio::TaskGroup entered;
  co_await entered.aenter();
  entered.create_task(sleep_long(), {.name = "child"});
  asyncio::Duration millis = 1500ms;
  asyncio::Duration forever = asyncio::Duration::max();
  asyncio::Duration back = -2001us;
  asyncio::TimePoint when(2s);
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
  cancelled.cancel();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  stop_here();
  coro.close();
  entered.cancel();
  co_await entered.aexit(nullptr);
  (void)failed.exception();
  (void)odd.exception();
  for (const asyncio::Task<>* task : {&pending, &owner, &second, &getter, &waiter, &in, &out}) {
    task->cancel();
  }
  (void)moved;
  (void)any;
  (void)millis;
  (void)forever;
  (void)when;
  (void)back;
  (void)bounded;
}

// --- tasks that wait for each other ----------------------------------------

asyncio::Coro<int> innermost() {
  co_await asyncio::sleep(1h);
  co_return 1;
}

asyncio::Coro<int> middle() { co_return co_await innermost(); }

asyncio::Coro<> outer() { (void)co_await middle(); }

asyncio::Coro<> join(asyncio::Task<> task) { co_await task; }

asyncio::Coro<> gatherer() { co_await asyncio::gather(sleep_long(), sleep_long()); }

asyncio::Coro<> grouped() {
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(sleep_long(), {.name = "child"});
    co_return;
  });
}

asyncio::Coro<> wait_for_any(std::vector<asyncio::Task<>> tasks) {
  co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
}

asyncio::Coro<> protect(asyncio::Task<> task) { co_await asyncio::shield(task); }

asyncio::Coro<> one_by_one(std::vector<asyncio::Task<>> tasks) {
  auto completed = asyncio::as_completed(tasks);
  co_await completed.next();
}

std::string long_name() { return std::string(1 << 20, 'x'); }

asyncio::Coro<> waiting() {
  asyncio::Task<> first = asyncio::create_task(outer(), {.name = "outer"});
  asyncio::Task<> second = asyncio::create_task(join(first), {.name = "joining"});
  asyncio::Task<> third = asyncio::create_task(gatherer(), {.name = "gatherer"});
  asyncio::Task<> fourth = asyncio::create_task(grouped(), {.name = "grouped"});
  asyncio::Task<> escape =
      asyncio::create_task(sleep_long(), {.name = "esc \x1b[2J\n\xe2\x80\xae"});
  asyncio::Task<> huge = asyncio::create_task(sleep_long(), {.name = long_name()});
  asyncio::Task<> same = asyncio::create_task(sleep_long(), {.name = "twin"});
  asyncio::Task<> twin = asyncio::create_task(sleep_long(), {.name = "twin"});
  asyncio::Lock lock;
  asyncio::Task<> owner = asyncio::create_task(take(lock), {.name = "owner"});
  asyncio::Task<> wants = asyncio::create_task(take(lock), {.name = "wants"});
  std::vector<asyncio::Task<>> both{same, twin};
  asyncio::Task<> any = asyncio::create_task(wait_for_any(both), {.name = "any"});
  asyncio::Task<> shield = asyncio::create_task(protect(owner), {.name = "shield"});
  asyncio::Task<> each = asyncio::create_task(one_by_one(both), {.name = "each"});
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
  std::puts("ready");
  std::fflush(stdout);
  stop_here();
  co_await sleep_long();
}

// --- a deadlock ----------------------------------------

asyncio::Coro<> take_both(asyncio::Lock& first, asyncio::Lock& second) {
  co_await first.acquire();
  co_await asyncio::sleep(0s);
  co_await second.acquire();
}

asyncio::Coro<> deadlock() {
  asyncio::Lock a;
  asyncio::Lock b;
  asyncio::Task<> one = asyncio::create_task(take_both(a, b), {.name = "one"});
  asyncio::Task<> two = asyncio::create_task(take_both(b, a), {.name = "two"});
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
  std::puts("ready");
  std::fflush(stdout);
  stop_here();
  co_await sleep_long();
}

// --- two loops ----------------------------------------

asyncio::Coro<> second_loop(asyncio::Future<> started) {
  asyncio::Task<> task = asyncio::create_task(sleep_long(), {.name = "of the second loop"});
  co_await asyncio::sleep(0s);
  started.get_loop().call_soon_threadsafe([started] { started.set_result(); });
  co_await sleep_long();
}

asyncio::Coro<> two_loops() {
  asyncio::Future<> started;
  std::thread other([&started] { asyncio::run(second_loop(started)); });
  other.detach();
  co_await started;
  std::puts("ready");
  std::fflush(stdout);
  stop_here();
  co_await sleep_long();
}

asyncio::Coro<> chosen(const std::string& scenario) {
  if (scenario == "variables") return variables();
  if (scenario == "waiting") return waiting();
  if (scenario == "deadlock") return deadlock();
  if (scenario == "two_loops") return two_loops();
  throw std::invalid_argument("no scenario " + scenario);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  if (scenario == "nothing") {
    stop_here();
    return 0;
  }
  asyncio::run(chosen(scenario));
}
