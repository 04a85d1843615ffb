#pragma once

#include <type_traits>
#include <utility>

namespace asyncio::detail {

template <class Signature>
class UniqueFunction;

/// A callable that is owned, move-only and on the heap. For what is set once and called seldom.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() noexcept = default;
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  explicit UniqueFunction(F&& fn) : target_(new Of<std::decay_t<F>>(std::forward<F>(fn))) {}
  UniqueFunction(UniqueFunction&& other) noexcept
      : target_(std::exchange(other.target_, nullptr)) {}
  UniqueFunction& operator=(UniqueFunction other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~UniqueFunction() { delete target_; }

  R operator()(Args... args) const { return target_->call(std::forward<Args>(args)...); }
  explicit operator bool() const noexcept { return target_ != nullptr; }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Of final : Target {
    template <class G>
    explicit Of(G&& g) : fn(std::forward<G>(g)) {}
    R call(Args... args) override { return fn(std::forward<Args>(args)...); }
    F fn;
  };
  Target* target_ = nullptr;
};

}  // namespace asyncio::detail
