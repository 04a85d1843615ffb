// A coroutine type of one's own, with the headers that a program of some size includes anyway.
#include <chrono>
#include <coroutine>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace {

class Coro {
 public:
  struct promise_type {
    int value = 0;
    Coro get_return_object() {
      return Coro(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(int v) { value = v; }
    void unhandled_exception() { std::terminate(); }
  };

  Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coro& operator=(Coro&&) = delete;
  ~Coro() {
    if (handle_) handle_.destroy();
  }
  int run() {
    handle_.resume();
    return handle_.promise().value;
  }

 private:
  explicit Coro(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

Coro async_main() { co_return 0; }

}  // namespace

int main() { return async_main().run(); }
