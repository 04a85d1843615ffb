#pragma once

#include <asyncio/detail/ref.hpp>

#include <exception>
#include <source_location>
#include <utility>

namespace asyncio::detail {

class Traceback;

/// An error and the coroutines that it has come through. They stay together wherever the library
/// passes an error on, since nothing can be attached to a foreign exception object: its address may
/// be used again by the next one, and two awaiters of one failed task have one object, two tracks.
struct Failure {
  Failure() noexcept = default;
  /// Of an error that has come through no coroutine, or not through any that is known.
  explicit Failure(std::exception_ptr e) noexcept : error(std::move(e)) {}
  Failure(std::exception_ptr e, Ref<const Traceback> t) noexcept
      : error(std::move(e)), traceback(std::move(t)) {}

  explicit operator bool() const noexcept { return error != nullptr; }

  std::exception_ptr error;
  Ref<const Traceback> traceback;
};

/// A coroutine that an error has come through, or what the error has replaced. Immutable, so that
/// tracks share their inner part.
class Traceback {
 public:
  enum class Kind : unsigned char {
    awaiting,  ///< it came out of the co_await at `location`
    thrown,    ///< thrown after that co_await; where exactly, C++ does not tell
    replaced,  ///< no coroutine: the error came instead of `other`, while that was being handled
    caused,    ///< no coroutine: the error was made of `other`
  };

  Traceback(Kind k, std::source_location f, std::source_location l, Ref<const Traceback> i) noexcept
      : kind(k), function(f), location(l), inner(std::move(i)) {}
  Traceback(Kind k, Failure o, Ref<const Traceback> i) noexcept
      : kind(k), inner(std::move(i)), other(std::move(o)) {}
  Traceback(const Traceback&) = delete;
  Traceback& operator=(const Traceback&) = delete;

  void add_ref() const noexcept { users_.add(); }
  void drop_ref() const noexcept;
  [[nodiscard]] bool is_link() const noexcept { return kind >= Kind::replaced; }

  Kind kind;
  unsigned repeats = 0;   ///< how many more frames there were at the same place, one in the other
  unsigned chained = 0;   ///< how many errors `other` came after
  unsigned depth = 0;     ///< how many are within
  unsigned left_out = 0;  ///< frames between this and the inner one
  std::source_location function;
  std::source_location location;
  mutable Ref<const Traceback> inner;
  Failure other;

 private:
  ~Traceback() = default;
  mutable SharedCount users_{0};
};

/// `inner`, seen from the coroutine that awaits at `location`. Out of memory: `inner` as it is.
[[nodiscard]] Ref<const Traceback> seen_from(std::source_location function,
                                             std::source_location location,
                                             Ref<const Traceback> inner) noexcept;

/// `failure` as what came up while `earlier` was being handled, or what was made of it (`caused`).
/// A null `earlier` says that what was being handled does not matter: Python's `from None`.
[[nodiscard]] Failure instead_of(Failure failure, Failure earlier, Traceback::Kind kind) noexcept;

/// What this thread knows of the track of an error that is passed about as a bare pointer.
[[nodiscard]] Failure failure_of(std::exception_ptr error) noexcept;
/// The error that is being handled.
[[nodiscard]] Failure current_failure() noexcept;
/// The error that leaves a coroutine whose current co_await is at `location`.
[[nodiscard]] Failure failure_leaving(std::source_location function,
                                      std::source_location location) noexcept;

/// Lets failure_of() know the track of an error that is given out as a bare pointer. Of the last
/// few errors only, which are kept alive meanwhile.
void remember(const Failure& failure) noexcept;
/// Lets go of those that this thread remembers.
void forget_failures() noexcept;

[[noreturn]] void raise(Failure failure);
/// raise(), where `earlier`, if there is one, was being handled.
[[noreturn]] void raise_after(Failure failure, const Failure& earlier);
/// Remembers a failure as coming out of the co_await at `location`. Returns: what to rethrow, there
/// and at once: each function that the error passes costs as much as the throw.
[[nodiscard]] std::exception_ptr raised_at(std::source_location function,
                                           std::source_location location, Failure failure) noexcept;

}  // namespace asyncio::detail
