#pragma once

#include <asyncio/task.hpp>

#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// The link from a shield()'s outer future to the inner one.
class ShieldLink : private WaitCall {
 public:
  ShieldLink(CompositeState& outer, FutureState& inner,
             void (*copy_value)(FutureState&, FutureState&));
  ShieldLink(const ShieldLink&) = delete;
  ShieldLink& operator=(const ShieldLink&) = delete;
  ~ShieldLink();
  /// Throws: std::invalid_argument for a future of another thread's loop.
  static void check(const FutureState& inner);
  void begin();

 private:
  static void inner_done(ReadyCall& self, ReadyAction action);

  FutureState& outer_;
  Claim inner_;
  void (*copy_value_)(FutureState& outer, FutureState& inner);
  bool registered_ = false;
  bool holds_outer_ = false;
};

template <class T, bool copied>
class ShieldState final : public CompositeStateOf<NoneIfVoid<T>> {
 public:
  ShieldState(FutureState& inner, std::source_location where)
      : CompositeStateOf<NoneIfVoid<T>>(inner.scheduler(), CompositeState::Cancels::itself, where),
        link(*this, inner, &ShieldState::take) {}

  ShieldLink link;

 private:
  using Value = NoneIfVoid<T>;
  static void take(FutureState& outer, FutureState& inner) {
    Value& place = value_of<T>(outer);
    if constexpr (!copied) {
      if (inner.no_user() && inner.claims() == 1) {
        ::new (static_cast<void*>(&place)) Value(std::move(value_of<T>(inner)));
        return;
      }
    }
    if constexpr (copyable<Value>) {
      ::new (static_cast<void*>(&place)) Value(value_of<T>(inner));
    } else {
      throw_value_shared();
    }
  }
};

}  // namespace detail

/// Protects something from the cancellation of whoever waits for it: that cancels the future given
/// here, and the thing itself goes on.
///
///     co_await asyncio::wait_for(asyncio::shield(task), 5s);  // the task outlives the limit
///
/// Python: asyncio.shield
/// Returns: a future that ends as the inner one does; if that is done already, that one itself.
/// Cancellation: cancelling the inner one cancels this, too. run() cancels the inner one at its end
/// all the same. An inner error that nobody is there to take is reported when the inner goes.
template <detail::AwaitableOrCoro A>
[[nodiscard]] auto shield(A&& awaitable,
                          std::source_location where = std::source_location::current()) {
  if constexpr (detail::is_lvalue_coro<A>) {
    static_assert(!detail::is_lvalue_coro<A>,
                  "shield(): a coroutine runs once; pass std::move(coro)");
    return detail::Refused();
  } else {
    using T = std::remove_cvref_t<await_result_t<A>>;
    constexpr bool copied = detail::is_future<A> && std::is_lvalue_reference_v<A>;
    static_assert(!copied || detail::copyable<T>,
                  "shield(): the handle keeps its value, so T is copied; pass std::move(task)");
    Future<T> inner = ensure_future(std::forward<A>(awaitable), where);
    detail::ShieldLink::check(detail::FutureAccess::state(inner));
    if (inner.done()) return inner;
    auto* state = new detail::ShieldState<T, copied>(detail::FutureAccess::state(inner), where);
    Future<T> outer{detail::Ref<detail::FutureState>(state)};
    state->link.begin();
    return outer;
  }
}

}  // namespace asyncio
