#pragma once

#include <asyncio/coroutine.hpp>

#include <utility>

namespace asyncio::detail {

/// A coroutine that is closed, not reported as forgotten, if nobody takes it.
template <class T>
class Unstarted {
 public:
  explicit Unstarted(Coro<T> coro) noexcept : coro_(std::move(coro)) {}
  Unstarted(Unstarted&&) noexcept = default;
  Unstarted& operator=(Unstarted&&) = delete;
  ~Unstarted() { coro_.close(); }
  [[nodiscard]] Coro<T> take() noexcept { return std::move(coro_); }

 private:
  Coro<T> coro_;
};

}  // namespace asyncio::detail
