#pragma once

#include <asyncio/error.hpp>

#include <exception>
#include <string>

namespace support {

/// True if `error` is an E.
template <class E>
bool is_a(const std::exception_ptr& error) {
  return error != nullptr && asyncio::detail::holds<E>(error);
}

/// "no error", a std::exception's text, "cancelled:MESSAGE", "KeyboardInterrupt" or "something".
std::string text_of(const std::exception_ptr& error);

/// "MESSAGE: member, member" of an ExceptionGroup; else "no group: " and the error's text.
std::string members_of(const std::exception_ptr& error);

}  // namespace support
