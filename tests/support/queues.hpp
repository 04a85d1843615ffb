#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/queue.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace support {

using Numbers = std::vector<int>;

/// Lets everything that is ready run once.
inline asyncio::Coro<> pass(int times = 1) {
  for (int i = 0; i < times; ++i) co_await asyncio::sleep(std::chrono::seconds(0));
}

/// check(queue) with a Queue, a LifoQueue and a PriorityQueue.
template <class T = int, class Check>
asyncio::Coro<> with_each_queue(std::ptrdiff_t maxsize, Check check) {
  asyncio::Queue<T> queue(maxsize);
  co_await check(queue);
  asyncio::LifoQueue<T> lifo(maxsize);
  co_await check(lifo);
  asyncio::PriorityQueue<T> priority(maxsize);
  co_await check(priority);
}

template <class Q>
asyncio::Coro<> get_into(Q& queue, Numbers& got) {
  got.push_back(co_await queue.get());
}

/// What the queue gives, in order, until it is empty.
template <class Q>
Numbers take_all(Q& queue) {
  Numbers items;
  while (!queue.empty()) items.push_back(queue.get_nowait());
  return items;
}

using Getters = std::vector<asyncio::Task<int>>;
using Putters = std::vector<asyncio::Task<>>;

/// `n` tasks that wait in get().
inline asyncio::Coro<Getters> waiting_getters(asyncio::Queue<int>& queue, int n) {
  Getters tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(queue.get()));
  co_await pass();
  co_return tasks;
}

/// `n` tasks that wait in put() of 1, 2, ...
inline asyncio::Coro<Putters> waiting_putters(asyncio::Queue<int>& queue, int n) {
  Putters tasks;
  for (int i = 1; i <= n; ++i) tasks.push_back(asyncio::create_task(queue.put(i)));
  co_await pass();
  co_return tasks;
}

template <class Task>
std::size_t cancelled_of(const std::vector<Task>& tasks) {
  return static_cast<std::size_t>(
      std::count_if(tasks.begin(), tasks.end(), [](const Task& t) { return t.cancelled(); }));
}

/// Whether anything else has run since.
class OthersRan {
 public:
  OthersRan() {
    asyncio::get_running_loop().call_soon([this] { ran_ = true; });
  }
  OthersRan(const OthersRan&) = delete;
  OthersRan& operator=(const OthersRan&) = delete;
  ~OthersRan() = default;
  explicit operator bool() const { return ran_; }

 private:
  bool ran_ = false;
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace support
