#pragma once

#include <asyncio/coroutine.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <utility>

namespace asyncio::detail {

class GeneratorHandle;
struct GeneratorPromiseBase;

/// Runs a generator from where it is up to its next co_yield, inside the task that awaits this.
class GeneratorStep : public OwnAwaiter, public ChildLink {
 public:
  GeneratorStep(GeneratorStep&& other) noexcept
      : OwnAwaiter(),
        generator_(other.generator_),
        what_(other.what_),
        action_(other.action_),
        raised_(std::move(other.raised_)) {}
  GeneratorStep& operator=(GeneratorStep&&) = delete;

  /// Throws: RuntimeError if another task is running the generator.
  [[nodiscard]] bool await_ready();
  template <class P>
  void await_suspend(std::coroutine_handle<P> awaiting) {
    static_assert(OwnPromise<P>, "an AsyncGenerator can be awaited only in an asyncio::Coro");
    parent = &awaiting.promise();
    begin();
  }

 protected:
  /// next: go on; raise: throw at the co_yield; close: throw GeneratorExit there, for the last
  /// time.
  enum class Action : std::uint8_t { next, raise, close };

  GeneratorStep(GeneratorHandle& generator, const char* what, Action action,
                std::exception_ptr raised = nullptr) noexcept
      : generator_(&generator), what_(what), action_(action) {
    raised_.swap(raised);
  }
  ~GeneratorStep() = default;

  /// Returns: whether it has yielded. Throws: what the generator has ended with.
  bool finish();
  /// The same for aclose().
  void finish_close();

 private:
  friend struct GeneratorPromiseBase;
  enum class End : std::uint8_t { none, yielded, ended, failed };

  void begin();
  /// The frame goes.
  void end() noexcept;
  [[nodiscard]] std::exception_ptr raised_error() noexcept;

  GeneratorHandle* generator_;  // until it has begun
  const char* what_;
  GeneratorPromiseBase* promise_ = nullptr;  // once it has
  Action action_;
  End end_ = End::none;
  std::exception_ptr raised_;
  Failure failure_;
};

/// A generator's frame. It belongs to its handle; to the step that runs it once that is gone.
struct GeneratorPromiseBase : AwaitingPromise, GeneratorLink {
  GeneratorPromiseBase() noexcept = default;
  GeneratorPromiseBase(const GeneratorPromiseBase&) = delete;
  GeneratorPromiseBase& operator=(const GeneratorPromiseBase&) = delete;
  ~GeneratorPromiseBase();

  /// At a co_yield, and at the end: the task goes on with whoever awaits the step.
  struct Pause {
    GeneratorPromiseBase& promise;
    [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept { promise.pause(); }
    void await_resume() const {
      if (promise.raised_) [[unlikely]]
        std::rethrow_exception(std::exchange(promise.raised_, nullptr));
    }
  };

  static SuspendAtBegin initial_suspend() noexcept { return {}; }
  struct LastPause {
    GeneratorPromiseBase& promise;
    [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept { promise.pause(); }
    static constexpr void await_resume() noexcept {}
  };
  LastPause final_suspend() noexcept { return {*this}; }
  void return_void() noexcept { end(GeneratorStep::End::ended); }
  void unhandled_exception() noexcept {
    step().failure_ = failure_leaving(function, location);
    end(GeneratorStep::End::failed);
  }

 protected:
  [[nodiscard]] GeneratorStep& step() const noexcept { return static_cast<GeneratorStep&>(*owner); }
  [[nodiscard]] bool wants_value() const noexcept {
    return step().action_ != GeneratorStep::Action::close;
  }
  Pause paused_at(std::source_location where) noexcept {
    location = where;
    step().end_ = GeneratorStep::End::yielded;
    return {*this};
  }

 private:
  friend class GeneratorHandle;
  friend class GeneratorStep;
  friend Coro<> close_generators(Scheduler& scheduler);

  void begin();
  void pause() noexcept;
  void end(GeneratorStep::End how) noexcept {
    step().end_ = how;
    ended_ = true;
  }
  void unlink() noexcept;

  GeneratorHandle* generator_ = nullptr;  // null once the handle is gone
  std::exception_ptr raised_;             // to be thrown at the co_yield
  bool begun_ = false;
  bool ended_ = false;
};

inline bool GeneratorStep::finish() {
  if (end_ == End::yielded && promise_->generator_ != nullptr) [[likely]]
    return true;
  end();
  if (end_ == End::failed) std::rethrow_exception(raised_error());
  return end_ == End::yielded;
}

/// What AsyncGenerator<T> holds, without its type.
class GeneratorHandle {
 public:
  GeneratorHandle(GeneratorHandle&& other) noexcept { take(other); }
  GeneratorHandle& operator=(GeneratorHandle&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    take(other);
    return *this;
  }
  ~GeneratorHandle() { destroy(); }

  /// False once it has ended, was closed or moved from.
  [[nodiscard]] explicit operator bool() const noexcept { return promise_ != nullptr && !closed_; }
  /// "<async_generator object NAME at 0x...>"
  [[nodiscard]] std::string repr() const;

 protected:
  explicit GeneratorHandle(GeneratorPromiseBase& promise) noexcept : promise_(&promise) {
    promise.generator_ = this;
  }

 private:
  friend class GeneratorStep;
  friend struct GeneratorPromiseBase;

  void destroy() noexcept;
  void take(GeneratorHandle& other) noexcept;

  GeneratorPromiseBase* promise_ = nullptr;
  bool closed_ = false;
};

/// Closes the generators of a loop that have begun and not ended, at the same time.
[[nodiscard]] Coro<> close_generators(Scheduler& scheduler);
/// Of a loop that is closed: they are nobody's.
void forget_generators(Scheduler& scheduler) noexcept;

/// aclose() without the generator's type.
class [[nodiscard]] CloseGenerator : public GeneratorStep,
                                     public ConvertsToCoro<CloseGenerator, void> {
 public:
  explicit CloseGenerator(GeneratorHandle& generator) noexcept
      : GeneratorStep(generator, "aclose()", Action::close) {}
  void await_resume() { finish_close(); }
};

}  // namespace asyncio::detail
