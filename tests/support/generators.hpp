#pragma once

#include <asyncio/async_generator.hpp>
#include <asyncio/sleep.hpp>

#include "support/endings.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// Tells when it is destroyed.
class Leaves {
 public:
  Leaves(Log& log, std::string name) : log_(log), name_(std::move(name)) {}
  Leaves(const Leaves&) = delete;
  Leaves& operator=(const Leaves&) = delete;
  ~Leaves() { log_.push_back(name_ + " is gone"); }

 private:
  Log& log_;
  std::string name_;
};

/// 1, 2, ... without awaiting anything.
inline asyncio::AsyncGenerator<int> count_to(int last) {
  for (int n = 1; n <= last; ++n) co_yield n;
}

/// 1, 2, ..., one a second.
inline asyncio::AsyncGenerator<int> ticks_to(int last) {
  for (int n = 1; n <= last; ++n) {
    co_await asyncio::sleep(std::chrono::seconds(1));
    co_yield n;
  }
}

/// 1, 2, ... for ever; tells when it goes.
inline asyncio::AsyncGenerator<int> count_and_tell(Log& log, std::string name) {
  const Leaves leaves(log, std::move(name));
  for (int n = 1;; ++n) co_yield n;
}

/// The same, one a second.
inline asyncio::AsyncGenerator<int> tick_and_tell(Log& log, std::string name) {
  const Leaves leaves(log, std::move(name));
  for (int n = 1;; ++n) {
    co_await asyncio::sleep(std::chrono::seconds(1));
    co_yield n;
  }
}

/// 1, and then takes its time to clean up, whatever ends it.
inline asyncio::AsyncGenerator<int> clean_up_for(asyncio::Duration time, Log& log,
                                                 std::string name) {
  std::exception_ptr end;
  try {
    co_yield 1;
  } catch (...) {
    end = std::current_exception();
  }
  log.push_back(name + " cleans up");
  co_await asyncio::sleep(time);
  log.push_back(name + " is clean");
  if (end) std::rethrow_exception(end);
}

/// A vector; g++ 12 takes no braced list where there is a co_await.
template <class... N>
std::vector<int> numbers(N... each) {
  return {each...};
}

/// What is left in it.
template <class T>
asyncio::Coro<std::vector<T>> rest_of(asyncio::AsyncGenerator<T>& generator) {
  std::vector<T> items;
  while (auto item = co_await generator.next()) items.push_back(*std::move(item));
  co_return items;
}

/// A coroutine of it, for a task of its own.
template <class T>
asyncio::Coro<T> next_of(asyncio::AsyncGenerator<T>& generator) {
  auto item = co_await generator.next();
  co_return item ? *std::move(item) : T();
}

}  // namespace support
