#pragma once

#include <asyncio/detail/ref.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace asyncio {

namespace detail {

/// One value of one variable; immutable.
struct ContextValue {
  SharedCount users;
  ContextValue() = default;
  ContextValue(const ContextValue&) = delete;
  ContextValue& operator=(const ContextValue&) = delete;
  virtual ~ContextValue() = default;
  void add_ref() noexcept { users.add(); }
  void drop_ref() noexcept {
    if (users.drop()) delete this;
  }
};

template <class T>
struct ContextValueOf final : ContextValue {
  explicit ContextValueOf(T v) : value(std::move(v)) {}
  T value;
};

class ContextMap;

/// What a Context refers to and what a task or callback runs in: a map of values that is replaced,
/// never changed, so that copying a context copies a pointer.
class ContextCell {
 public:
  ContextCell() noexcept;
  explicit ContextCell(Ref<ContextMap> map) noexcept;
  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }
  [[nodiscard]] const Ref<ContextMap>& map() const noexcept { return map_; }
  void set_map(Ref<ContextMap> map) noexcept;
  /// Throws: RuntimeError if it is entered already.
  void enter();
  void leave() noexcept { entered_ = false; }

 private:
  ~ContextCell();
  SharedCount users_;
  Ref<ContextMap> map_;
  bool entered_ = false;  // by Context::run()
};

/// A copy of the context of whoever calls; null when that is empty.
[[nodiscard]] ContextCell* capture_context();

std::uint64_t new_context_variable() noexcept;
/// In the context of whoever calls; null when it is not set there.
[[nodiscard]] Ref<ContextValue> context_get(std::uint64_t variable) noexcept;

/// What a setting has replaced, and where.
class ContextChange {
 public:
  ContextChange(std::uint64_t v, Ref<ContextCell> c, Ref<ContextValue> b) noexcept
      : variable(v), cell(std::move(c)), before(std::move(b)) {}
  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  const std::uint64_t variable;
  Ref<ContextCell> cell;  // null once it was taken back
  Ref<ContextValue> before;

 private:
  SharedCount users_;
};
/// In the context of whoever calls.
[[nodiscard]] Ref<ContextChange> context_set(std::uint64_t variable, Ref<ContextValue> value);
/// Throws: RuntimeError the second time; std::invalid_argument for a change of another variable or
/// in another context.
void context_reset(std::uint64_t variable, std::string_view name, ContextChange* change);
[[noreturn]] void throw_unset(std::string_view variable);

/// Makes a context the current one of this thread for a scope.
class EnterContext {
 public:
  /// Keeps `place` as the current callback's context while it lives. Throws: RuntimeError if that
  /// context is entered already.
  explicit EnterContext(ContextCell** place);
  EnterContext(const EnterContext&) = delete;
  EnterContext& operator=(const EnterContext&) = delete;
  ~EnterContext();

 private:
  ContextCell* entered_;
  ContextCell** previous_place_;
  void* previous_task_;
};

}  // namespace detail

/// A set of values of context variables. Copying one copies a reference to the same set, as in
/// Python; copy() makes another set in constant time.
///
/// Python: contextvars.Context
class Context {
 public:
  /// An empty one.
  Context();
  // No move: what was moved from could only crash.
  Context(const Context&) noexcept = default;
  Context& operator=(const Context&) noexcept = default;
  ~Context() = default;
  [[nodiscard]] Context copy() const;
  /// Calls `fn` in this context: what it sets stays here.
  ///
  /// Throws: RuntimeError if it is running in this context already.
  template <class F>
  decltype(auto) run(F&& fn) const {
    detail::ContextCell* place = cell_.get();
    const detail::EnterContext entered(&place);
    return std::forward<F>(fn)();
  }
  friend bool operator==(const Context& a, const Context& b) noexcept {
    return a.cell_.get() == b.cell_.get();
  }

  explicit Context(detail::Ref<detail::ContextCell> cell) noexcept : cell_(std::move(cell)) {}
  [[nodiscard]] detail::ContextCell* cell() const noexcept { return cell_.get(); }

 private:
  detail::Ref<detail::ContextCell> cell_;
};

/// A copy of the current context. Python: contextvars.copy_context()
[[nodiscard]] Context copy_context();

/// A variable with a value per context: each task has its own copy, made when it was created.
///
/// Python: contextvars.ContextVar
/// Lifetime: usually a global; its values live in the contexts.
template <class T>
class ContextVar {
 public:
  /// What set() gives, to take the setting back by reset(), once.
  class Token {
    friend ContextVar;
    explicit Token(detail::Ref<detail::ContextChange> change) noexcept
        : change_(std::move(change)) {}
    detail::Ref<detail::ContextChange> change_;
  };

  explicit ContextVar(std::string_view name) : name_(name) {}
  ContextVar(std::string_view name, T default_value)
      : name_(name), default_(std::move(default_value)) {}
  ContextVar(const ContextVar&) = delete;
  ContextVar& operator=(const ContextVar&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Throws: std::out_of_range if it has neither a value nor a default (Python: LookupError).
  [[nodiscard]] T get() const {
    if (auto value = detail::context_get(id_)) return as_value(value);
    if (!default_) detail::throw_unset(name_);
    return *default_;
  }
  [[nodiscard]] T get(T fallback) const {
    if (auto value = detail::context_get(id_)) return as_value(value);
    return fallback;
  }
  Token set(T value) {
    auto* boxed = new detail::ContextValueOf<T>(std::move(value));
    return Token(detail::context_set(id_, detail::Ref<detail::ContextValue>::adopt(boxed)));
  }
  /// Throws: RuntimeError if the token was used; std::invalid_argument if it is another variable's
  /// or was made in another context.
  void reset(const Token& token) { detail::context_reset(id_, name_, token.change_.get()); }

 private:
  static const T& as_value(const detail::Ref<detail::ContextValue>& value) noexcept {
    return static_cast<const detail::ContextValueOf<T>&>(*value).value;
  }

  std::uint64_t id_ = detail::new_context_variable();
  std::string name_;
  std::optional<T> default_;
};

}  // namespace asyncio
