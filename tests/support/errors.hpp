#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/error.hpp>

#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace support {

/// True if `error` is an E.
template <class E>
bool is_a(const std::exception_ptr& error) {
  return error != nullptr && asyncio::detail::holds<E>(error);
}

/// "no error", a std::exception's text, "cancelled:MESSAGE", "KeyboardInterrupt" or "something".
std::string text_of(const std::exception_ptr& error);

/// errno, as text, or text_of() an error that has none.
std::string number_of(const std::exception_ptr& error);

/// "MESSAGE: member, member" of an ExceptionGroup; else "no group: " and the error's text.
std::string members_of(const std::exception_ptr& error);

inline constexpr const char* nothing_thrown = "nothing was thrown";

/// "TYPE: TEXT" of what a call throws.
std::string thrown_by(const std::function<void()>& call);

/// The same of an await.
template <class A>
asyncio::Coro<std::string> thrown_by_await(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (...) {
    co_return asyncio::detail::describe(std::current_exception());
  }
  co_return nothing_thrown;
}

}  // namespace support
