#pragma once

#include <asyncio/codec.hpp>
#include <asyncio/detail/type_name.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

/// Where something of the program is: in which file of those that it was loaded from, and how far
/// from its beginning. The same in every process that has loaded the same files, wherever they are.
struct ProgramPlace {
  std::uint64_t module = 0;  ///< a hash of the file's build id
  std::uint64_t offset = 0;
};

/// One call, in the worker.
struct RemoteCall {
  enum class Phase : unsigned char { reading, running, answering };
  codec::Decoder& arguments;
  codec::Encoder& answer;
  ProgramPlace target;
  Phase phase = Phase::reading;

  /// The function whose place was sent. Throws: RuntimeError if there is none.
  [[nodiscard]] const void* function() const;
};

/// What a worker is told to call: its place is sent.
struct RemoteFunction {
  static constexpr std::uint64_t right_mark = 0x6e6f6974636e7546U;
  std::uint64_t mark = right_mark;  // what is not at this place is no RemoteFunction
  std::uint64_t signature = 0;      // of its parameters and its result
  void (*call)(RemoteCall&) = nullptr;
  const char* name = nullptr;  // as type_name() gives it
};

/// A call that is to be sent: a frame, but for what the pool writes into its head.
struct EncodedCall {
  EncodedCall(const RemoteFunction& remote, const void* pointer, std::string bytes) noexcept
      : function(&remote), target(pointer), frame(std::move(bytes)) {}
  const RemoteFunction* function;
  const void* target;  ///< of a function pointer; null for a stateless callable
  std::string frame;
};

/// Where the arguments begin: before them are the frame's size, the job's number, the places of the
/// RemoteFunction and of the target, and the signature.
inline constexpr std::size_t frame_head = 7 * sizeof(std::uint64_t);

// --- what can be called -------------------------------------------------------------------------

template <class P>
struct StoredAs {
  using type = std::decay_t<P>;
};
template <class P>
  requires std::same_as<std::remove_cvref_t<P>, std::string_view>
struct StoredAs<P> {
  using type = std::string;  // a parameter may look at what the worker has received
};
/// What a parameter is sent as.
template <class P>
using Stored = typename StoredAs<P>::type;

template <class... Ps>
struct CallParameters {};

template <class S>
struct SignatureOf;
template <class R, class... Ps>
struct SignatureOf<R (*)(Ps...)> {
  using parameters = CallParameters<Ps...>;
};
template <class R, class... Ps>
struct SignatureOf<R (*)(Ps...) noexcept> : SignatureOf<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct SignatureOf<R (C::*)(Ps...)> : SignatureOf<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct SignatureOf<R (C::*)(Ps...) const> : SignatureOf<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct SignatureOf<R (C::*)(Ps...) noexcept> : SignatureOf<R (*)(Ps...)> {};
template <class R, class C, class... Ps>
struct SignatureOf<R (C::*)(Ps...) const noexcept> : SignatureOf<R (*)(Ps...)> {};

template <class F>
inline constexpr bool is_function_pointer =
    std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// An argument for a parameter that is not known, that of a generic lambda.
template <class A>
struct GuessedAs {
  using type = std::decay_t<A>;
};
template <class A>
  requires(std::same_as<std::decay_t<A>, const char*> || std::same_as<std::decay_t<A>, char*>)
struct GuessedAs<A> {
  using type = std::string;
};

template <class F, class... Args>
consteval auto parameters_of() {
  if constexpr (is_function_pointer<F>) {
    return typename SignatureOf<F>::parameters{};
  } else if constexpr (requires { &F::operator(); }) {
    return typename SignatureOf<decltype(&F::operator())>::parameters{};
  } else {
    return CallParameters<typename GuessedAs<Args>::type...>{};
  }
}

// --- in the worker ------------------------------------------------------------------------------

template <class F, class R, class... Ps>
struct RemoteBody {
  static void call(RemoteCall& job) {
    std::tuple<Stored<Ps>...> arguments{job.arguments.decode<Stored<Ps>>()...};
    job.arguments.finish();
    if constexpr (is_function_pointer<F>) {
      run(job, reinterpret_cast<F>(const_cast<void*>(job.function())), std::move(arguments));
    } else {
      run(job, F{}, std::move(arguments));
    }
  }
  static constexpr RemoteFunction function{
      .signature =
          [] {
            if constexpr (std::is_void_v<R>) {
              return codec::signature<std::tuple<>, Stored<Ps>...>();
            } else {
              return codec::signature<R, Stored<Ps>...>();
            }
          }(),
      .call = &RemoteBody::call,
      .name = type_name<F>()};

 private:
  template <class G>
  static void run(RemoteCall& job, G function, std::tuple<Stored<Ps>...>&& arguments) {
    job.phase = RemoteCall::Phase::running;
    if constexpr (std::is_void_v<R>) {
      std::apply(function, std::move(arguments));
      job.phase = RemoteCall::Phase::answering;
    } else {
      const R& result = std::apply(function, std::move(arguments));
      job.phase = RemoteCall::Phase::answering;
      job.answer.encode(result);
    }
  }
};

// --- in the parent ------------------------------------------------------------------------------

/// Writes an argument as what its parameter is sent as, without a copy where there need be none.
template <class P, class A>
void encode_argument(codec::Encoder& out, A&& argument) {
  static_assert(std::is_convertible_v<A&&, P>,
                "run_in_executor(), to_process(): an argument cannot be converted to the "
                "function's parameter");
  if constexpr (std::same_as<std::remove_cvref_t<A>, P>) {
    out.encode(static_cast<const P&>(argument));
  } else if constexpr (std::same_as<P, std::string> &&
                       std::is_convertible_v<A&&, std::string_view>) {
    out.encode(static_cast<std::string_view>(argument));
  } else {
    const P converted = std::forward<A>(argument);
    out.encode(converted);
  }
}

template <class F>
consteval void check_callable() {
  static_assert(is_function_pointer<F> || std::is_class_v<F>,
                "run_in_executor(), to_process(): a process is given a function or a lambda "
                "without captures; wrap a member function in such a lambda and send the object as "
                "an argument");
  static_assert(
      is_function_pointer<F> || (std::is_empty_v<F> && std::is_default_constructible_v<F>),
      "run_in_executor(), to_process(): a lambda with captures cannot be sent to another "
      "process; pass what it needs as arguments");
}

template <class F, class... Ps, class... Args>
EncodedCall encode_call(CallParameters<Ps...>, F fn, Args&&... args) {
  static_assert(sizeof...(Ps) == sizeof...(Args),
                "run_in_executor(), to_process(): the function takes another number of arguments");
  using R = std::remove_cvref_t<std::invoke_result_t<F&, Stored<Ps>&&...>>;
  std::string frame(frame_head, '\0');
  codec::Encoder out(frame);
  (encode_argument<Stored<Ps>>(out, std::forward<Args>(args)), ...);
  const void* target = nullptr;
  if constexpr (is_function_pointer<F>) target = reinterpret_cast<const void*>(fn);
  return EncodedCall(RemoteBody<F, R, Ps...>::function, target, std::move(frame));
}

template <class F, class Parameters>
struct RemoteResult;
template <class F, class... Ps>
struct RemoteResult<F, CallParameters<Ps...>> {
  static constexpr bool keeps_arguments =
      ((!std::is_lvalue_reference_v<Ps> || std::is_const_v<std::remove_reference_t<Ps>>) && ...);
  static_assert(keeps_arguments,
                "run_in_executor(), to_process(): a parameter is a reference that is not const; "
                "what a worker changes is lost, so return it instead");
  using type = std::remove_cvref_t<typename std::conditional_t<
      keeps_arguments, std::invoke_result<F&, Stored<Ps>&&...>, std::type_identity<void>>::type>;
};
/// What the call gives.
template <class F, class... Args>
using remote_result_t = typename RemoteResult<F, decltype(parameters_of<F, Args...>())>::type;

}  // namespace asyncio::detail
