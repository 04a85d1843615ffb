#include "support/errors.hpp"

#include <system_error>

namespace support {

std::string text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (const asyncio::CancelledError& e) {
    return "cancelled:" + std::string(e.message());
  } catch (const asyncio::KeyboardInterrupt&) {
    return "KeyboardInterrupt";
  } catch (...) {
    return "something";
  }
}

std::string number_of(const std::exception_ptr& error) {
  try {
    if (error != nullptr) std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return std::to_string(e.code().value());
  } catch (...) {
    // It has none.
  }
  return text_of(error);
}

std::string members_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::ExceptionGroup& group) {
    std::string text;
    for (const auto& e : group.exceptions()) text += (text.empty() ? "" : ", ") + text_of(e);
    return std::string(group.message()) + ": " + text;
  } catch (...) {
    return "no group: " + text_of(error);
  }
}

std::string thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    return asyncio::detail::describe(std::current_exception());
  }
  return nothing_thrown;
}

}  // namespace support
