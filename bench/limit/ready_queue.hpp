#pragma once

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>

namespace limit {

/// What the loop runs: a function with its context or, without a function, a coroutine.
struct Callback {
  void (*function)(void*);
  void* context;

  static Callback resuming(std::coroutine_handle<> coroutine) {
    return {nullptr, coroutine.address()};
  }
};

/// Two buffers: one is drained while the other takes what becomes ready meanwhile. A ring would
/// have to update its head for each callback and to mask each index.
class ReadyQueue {
 public:
  [[nodiscard]] bool empty() const { return end_ == buffers_[filled_].begin(); }

  void push(Callback callback) {
    if (end_ == limit_) [[unlikely]]
      grow();
    *end_++ = callback;
  }

  /// Gives `run` what is in the queue now, but not what comes meanwhile.
  template <class Run>
  [[gnu::always_inline]] void drain(const Run& run) {
    const Callback* callback = buffers_[filled_].begin();
    const Callback* const last = end_;
    fill(1 - filled_);
    for (; callback != last; ++callback) run(*callback);
  }

 private:
  struct Buffer {
    std::unique_ptr<Callback[]> callbacks;
    Callback* limit = nullptr;
    [[nodiscard]] Callback* begin() const { return callbacks.get(); }
  };

  void fill(std::size_t buffer) {
    filled_ = buffer;
    end_ = buffers_[buffer].begin();
    limit_ = buffers_[buffer].limit;
  }

  [[gnu::noinline]] void grow() {
    Buffer& buffer = buffers_[filled_];
    const auto size = static_cast<std::size_t>(end_ - buffer.begin());
    const std::size_t capacity = std::max<std::size_t>(1024, 2 * size);
    auto grown = std::make_unique_for_overwrite<Callback[]>(capacity);
    std::copy(buffer.begin(), end_, grown.get());
    buffer.callbacks = std::move(grown);
    buffer.limit = buffer.begin() + capacity;
    fill(filled_);
    end_ += size;
  }

  Callback* end_ = nullptr;
  Callback* limit_ = nullptr;
  std::size_t filled_ = 0;
  std::array<Buffer, 2> buffers_;
};

}  // namespace limit
