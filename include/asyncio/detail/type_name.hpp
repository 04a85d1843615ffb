#pragma once

#include <type_traits>

namespace asyncio::detail {

/// The compiler's spelling of T, inside a longer text that readable_type() cuts down.
template <class T>
[[nodiscard]] constexpr const char* type_name() noexcept {
  return __PRETTY_FUNCTION__;
}

/// On g++ before 15 a closure that is not trivially destructible is destroyed twice when it is
/// written inside a co_await expression (GCC PR 99576 and kin). The functions whose result is
/// awaited at once refuse it there.
consteval bool names_closure(const char* pretty) noexcept {
  // "... [with T = LAST]": the bracket that the last ">" closes opens with "<lambda" in a closure's
  // name, and with something else in that of a wrapper around one.
  const char* last = nullptr;
  for (const char* p = pretty; *p != '\0'; ++p) {
    if (*p == '>') last = p;
  }
  if (last == nullptr) return false;
  int depth = 0;
  const char* open = last;
  for (;; --open) {
    if (*open == '>') ++depth;
    if (*open == '<' && --depth == 0) break;
    if (open == pretty) return false;
  }
  const char* l = "<lambda";
  for (; *l != '\0'; ++l, ++open) {
    if (*l != *open) return false;
  }
  return true;
}

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15
template <class F>
concept ClosureDestroyedTwice =
    !std::is_lvalue_reference_v<F> && !std::is_trivially_destructible_v<std::remove_cvref_t<F>> &&
    names_closure(type_name<std::remove_cvref_t<F>>());
#else
template <class F>
concept ClosureDestroyedTwice = false;
#endif

}  // namespace asyncio::detail

/// In every function that takes a callable and whose result is awaited at once.
#define ASYNCIO_REFUSE_UNSAFE_CLOSURE(F)                                             \
  static_assert(                                                                     \
      !::asyncio::detail::ClosureDestroyedTwice<F>,                                  \
      "g++ before 15 destroys a lambda with non-trivial captures twice when it is "  \
      "written inside co_await. Name it first: `auto body = [...] {...};` and pass " \
      "`asyncio::moved(body)`; or capture by reference; or compile with clang or g++ 15")
