#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/ref.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class BaseExceptionGroup;

namespace detail {

struct Members;
[[nodiscard]] const Members& members_of(const BaseExceptionGroup& group) noexcept;

/// An immutable text shared by everything that a cancel request passes through, so that passing it
/// on allocates nothing.
class SharedText {
 public:
  /// Null for an empty text.
  static Ref<SharedText> make(std::string_view text);
  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

 private:
  explicit SharedText(std::string_view text) : text_(text) {}
  SharedCount users_;
  std::string text_;
};

}  // namespace detail

/// A task was asked to stop. Not a std::exception, so that `catch (const std::exception&)` cannot
/// swallow a cancellation; a `catch (...)` must rethrow it.
///
/// Python: asyncio.CancelledError
class CancelledError final {
 public:
  CancelledError() noexcept = default;
  explicit CancelledError(std::string_view message);
  explicit CancelledError(detail::Ref<detail::SharedText> message) noexcept
      : message_(std::move(message)) {}

  /// What cancel() was given; "" when nothing.
  [[nodiscard]] std::string_view message() const noexcept {
    return message_ ? message_->view() : std::string_view();
  }

 private:
  detail::Ref<detail::SharedText> message_;
};

/// ^C. Leaves the loop at once, whichever task or callback throws it. Not a std::exception.
///
/// Python: KeyboardInterrupt
class KeyboardInterrupt final {};

/// Thrown at the co_yield of an AsyncGenerator that is closed. Not a std::exception.
///
/// Python: GeneratorExit
class GeneratorExit final {};

/// Misuse of the library: a closed loop, a nested run, a group that is finished.
class RuntimeError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A future was asked for what it does not have yet, or given a result twice.
class InvalidStateError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

class BrokenBarrierError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

class SendfileNotAvailableError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

namespace detail {

/// A std::exception with a text, for the types below that Python derives from Exception directly.
class TextError : public std::exception {
 public:
  explicit TextError(std::string_view text);
  [[nodiscard]] const char* what() const noexcept override;

 private:
  Ref<SharedText> text_;
};

}  // namespace detail

/// The one time-out error of the whole library.
class TimeoutError : public detail::TextError {
 public:
  explicit TimeoutError(std::string_view text = "timed out") : TextError(text) {}
};

class QueueEmpty : public detail::TextError {
 public:
  QueueEmpty() : TextError("queue is empty") {}
};

class QueueFull : public detail::TextError {
 public:
  QueueFull() : TextError("queue is full") {}
};

class QueueShutDown : public detail::TextError {
 public:
  explicit QueueShutDown(std::string_view text = "queue is shut down") : TextError(text) {}
};

/// The stream ended before everything asked for had come.
class IncompleteReadError : public detail::TextError {
 public:
  /// `expected`: nothing when no number of bytes was asked for, as in readuntil().
  IncompleteReadError(std::string partial, std::optional<std::size_t> expected);
  [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
  [[nodiscard]] std::optional<std::size_t> expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::optional<std::size_t> expected_;
};

/// The buffer's limit was reached while looking for a separator.
class LimitOverrunError : public detail::TextError {
 public:
  LimitOverrunError(std::string_view text, std::size_t consumed)
      : TextError(text), consumed_(consumed) {}
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

namespace detail {
using Matcher = bool (*)(const std::exception_ptr&);

template <class E>
bool holds(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// The members of a group together with the coroutines that each came through.
struct Members {
  explicit Members(std::vector<Failure> f) noexcept : failures(std::move(f)) {}
  std::vector<Failure> failures;
};
/// The members that match, with the nesting kept and empty groups left out.
Members select(const Members& members, Matcher, bool matching);
}  // namespace detail

/// What split() gives: the part whose members are E, and the others. At least one is there.
template <class Group>
struct GroupSplit {
  std::optional<Group> matching;
  std::optional<Group> rest;
};

/// Several errors that happened together, each possibly a group itself.
///
/// Python: BaseExceptionGroup; TaskGroup throws it when a member is no ordinary error
/// (CancelledError, KeyboardInterrupt), and ExceptionGroup otherwise. `catch (const
/// BaseExceptionGroup&)` takes both.
class BaseExceptionGroup {
 public:
  /// Throws: std::invalid_argument if there are no exceptions or one is a null pointer.
  BaseExceptionGroup(std::string_view message, std::vector<std::exception_ptr> exceptions);
  BaseExceptionGroup(std::string_view message, detail::Members members);
  virtual ~BaseExceptionGroup() = default;
  BaseExceptionGroup(const BaseExceptionGroup&) = default;
  BaseExceptionGroup& operator=(const BaseExceptionGroup&) = default;

  [[nodiscard]] std::string_view message() const noexcept { return message_; }
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept {
    return exceptions_;
  }

  /// The members that `catch (const E&)` would take, at any depth and with the nesting kept;
  /// nothing if there are none.
  template <class E>
  [[nodiscard]] std::optional<BaseExceptionGroup> subgroup() const {
    if constexpr (std::is_base_of_v<E, BaseExceptionGroup>) return *this;  // it is one itself
    return part<BaseExceptionGroup>(&detail::holds<E>, true);
  }
  template <class E>
  [[nodiscard]] GroupSplit<BaseExceptionGroup> split() const {
    if constexpr (std::is_base_of_v<E, BaseExceptionGroup>) return {*this, std::nullopt};
    return {subgroup<E>(), part<BaseExceptionGroup>(&detail::holds<E>, false)};
  }

 protected:
  template <class Group>
  std::optional<Group> part(detail::Matcher matches, bool matching) const {
    detail::Members chosen = detail::select(members_, matches, matching);
    if (chosen.failures.empty()) return std::nullopt;
    return Group(message_, std::move(chosen));
  }

 private:
  friend const detail::Members& detail::members_of(const BaseExceptionGroup&) noexcept;

  std::string message_;
  std::vector<std::exception_ptr> exceptions_;
  detail::Members members_;
};

/// A group of ordinary errors.
///
/// Python: ExceptionGroup
class ExceptionGroup : public BaseExceptionGroup, public std::exception {
 public:
  ExceptionGroup(std::string_view message, std::vector<std::exception_ptr> exceptions);
  ExceptionGroup(std::string_view message, detail::Members members);

  /// "MESSAGE (N sub-exceptions)"
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

  template <class E>
  [[nodiscard]] std::optional<ExceptionGroup> subgroup() const {
    if constexpr (std::is_base_of_v<E, ExceptionGroup>) return *this;
    return part<ExceptionGroup>(&detail::holds<E>, true);
  }
  template <class E>
  [[nodiscard]] GroupSplit<ExceptionGroup> split() const {
    if constexpr (std::is_base_of_v<E, ExceptionGroup>) return {*this, std::nullopt};
    return {subgroup<E>(), part<ExceptionGroup>(&detail::holds<E>, false)};
  }

 private:
  std::string what_;
};

namespace detail {

/// True without throwing anything.
[[nodiscard]] bool is_cancelled_error(const std::exception_ptr& error) noexcept;
[[nodiscard]] bool is_keyboard_interrupt(const std::exception_ptr& error) noexcept;
[[nodiscard]] bool is_generator_exit(const std::exception_ptr& error) noexcept;

/// An ExceptionGroup if every member is an ordinary error, else a BaseExceptionGroup.
[[nodiscard]] std::exception_ptr make_group(std::string_view message, Members members);

/// "TypeName: text", or "TypeName" where there is no text.
[[nodiscard]] std::string describe(const std::exception_ptr& error);

/// Kept out of line, so that the templates of the headers stay small.
[[noreturn]] void throw_runtime_error(std::string_view text);
[[noreturn]] void throw_invalid_state(std::string_view text);
[[noreturn]] void throw_invalid_argument(std::string_view text);

}  // namespace detail

}  // namespace asyncio
