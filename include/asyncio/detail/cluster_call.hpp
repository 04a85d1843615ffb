#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/process_call.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asyncio::cluster::detail {

using asyncio::detail::CallParameters;
using asyncio::detail::is_function_pointer;
using asyncio::detail::SignatureOf;
using asyncio::detail::Stored;

// --- what a function gives ----------------------------------------------------------------------

template <class R>
struct ValueOf {
  using type = std::remove_cvref_t<R>;
  static constexpr bool is_coroutine = false;
};
template <class T>
struct ValueOf<Coro<T>> {
  using type = std::remove_cvref_t<T>;
  static constexpr bool is_coroutine = true;
};

/// For the version of a task: void as a result.
template <class R>
using Sent = std::conditional_t<std::is_void_v<R>, std::tuple<>, R>;

template <class F>
struct SignatureOfCallable : SignatureOf<decltype(&F::operator())> {};
template <class R, class... Ps>
struct SignatureOfCallable<R (*)(Ps...)> : SignatureOf<R (*)(Ps...)> {};
template <class R, class... Ps>
struct SignatureOfCallable<R (*)(Ps...) noexcept> : SignatureOf<R (*)(Ps...)> {};

/// The parameters of what a task may be: a function, or a lambda without captures that is not
/// generic.
template <class F>
using ParametersOf = typename SignatureOfCallable<F>::parameters;

// --- in the worker ------------------------------------------------------------------------------

/// A call while it is made.
struct RunningCall {
  enum class Phase : unsigned char { reading, running, answering };
  RunningCall(const void* of_function, std::string_view bytes) noexcept
      : function(of_function), arguments(bytes) {}
  const void* function;
  std::string_view arguments;
  std::string answer;
  Phase phase = Phase::reading;
};

/// A function of any type behind functions of one: exactly one of them is not null.
struct TaskFunction {
  void (*call)(RunningCall&) = nullptr;             // blocks: for a thread
  Coro<> (*await)(RunningCall& running) = nullptr;  // for the loop
  std::uint64_t version = 0;
};

template <class F, class R, class Parameters>
struct TaskBody;
template <class F, class R, class... Ps>
struct TaskBody<F, R, CallParameters<Ps...>> {
  using Value = typename ValueOf<R>::type;
  static constexpr std::uint64_t version = codec::signature<Sent<Value>, Stored<Ps>...>();

  static F function_of(const RunningCall& call) {
    if constexpr (is_function_pointer<F>) {
      return reinterpret_cast<F>(const_cast<void*>(call.function));
    } else {
      return F{};
    }
  }
  static std::tuple<Stored<Ps>...> read(RunningCall& call) {
    codec::Decoder in(call.arguments);
    std::tuple<Stored<Ps>...> arguments{in.decode<Stored<Ps>>()...};
    in.finish();
    call.phase = RunningCall::Phase::running;
    return arguments;
  }
  static void write(RunningCall& call, const Sent<Value>& value) {
    call.phase = RunningCall::Phase::answering;
    if constexpr (!std::is_void_v<Value>) call.answer = codec::encode(value);
  }

  static void call(RunningCall& running) {
    std::tuple<Stored<Ps>...> arguments = read(running);
    if constexpr (std::is_void_v<Value>) {
      std::apply(function_of(running), std::move(arguments));
      write(running, {});
    } else {
      write(running, std::apply(function_of(running), std::move(arguments)));
    }
  }
  // The arguments live in this frame, so the function's parameters may refer to them.
  static Coro<> await(RunningCall& running) {
    std::tuple<Stored<Ps>...> arguments = read(running);
    R body = std::apply(function_of(running), std::move(arguments));
    if constexpr (std::is_void_v<Value>) {
      co_await std::move(body);
      write(running, {});
    } else {
      const Value value = co_await std::move(body);
      write(running, value);
    }
  }

  static constexpr TaskFunction function = [] {
    TaskFunction all;
    all.version = version;
    if constexpr (ValueOf<R>::is_coroutine) {
      all.await = &TaskBody::await;
    } else {
      all.call = &TaskBody::call;
    }
    return all;
  }();
};

template <class F, class Parameters>
struct ResultOf;
template <class F, class... Ps>
struct ResultOf<F, CallParameters<Ps...>> {
  static constexpr bool keeps_arguments =
      ((!std::is_lvalue_reference_v<Ps> || std::is_const_v<std::remove_reference_t<Ps>>) && ...);
  static_assert(keeps_arguments,
                "cluster::task(): a parameter is a reference that is not const; what a worker "
                "changes is lost, so return it instead");
  using type = typename std::conditional_t<keeps_arguments, std::invoke_result<F&, Stored<Ps>&&...>,
                                           std::type_identity<void>>::type;
};

template <class F>
consteval void check_task() {
  static_assert(
      is_function_pointer<F> || (std::is_empty_v<F> && std::is_default_constructible_v<F>),
      "cluster::task(): a task is a function or a lambda without captures; pass what it "
      "needs as arguments");
}

/// The one TaskFunction of a callable's type.
template <class F>
consteval const TaskFunction* task_function() {
  check_task<F>();
  using Parameters = ParametersOf<F>;
  return &TaskBody<F, typename ResultOf<F, Parameters>::type, Parameters>::function;
}

// --- in the client ------------------------------------------------------------------------------

/// A call that is to be sent.
struct Call {
  Call(std::string of, std::uint64_t of_version, std::string bytes) noexcept
      : task(std::move(of)), version(of_version), arguments(std::move(bytes)) {}
  std::string task;
  std::uint64_t version;
  std::string arguments;
};

template <class... Ps, class... Args>
std::string encode_arguments(CallParameters<Ps...>, Args&&... args) {
  static_assert(sizeof...(Ps) == sizeof...(Args),
                "submit(): the task takes another number of arguments");
  std::string bytes;
  codec::Encoder out(bytes);
  (asyncio::detail::encode_argument<Stored<Ps>>(out, std::forward<Args>(args)), ...);
  return bytes;
}

// --- the names ----------------------------------------------------------------------------------

/// What a name stands for in this process.
struct Registered {
  const TaskFunction* function = nullptr;
  const void* target = nullptr;  ///< of a function pointer
};

void add_task(std::string_view name, Registered task);
/// Throws: std::invalid_argument if it has none.
[[nodiscard]] std::string name_of(Registered task);

}  // namespace asyncio::cluster::detail
