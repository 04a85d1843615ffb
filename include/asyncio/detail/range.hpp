#pragma once

#include <asyncio/detail/awaiter.hpp>

#include <type_traits>
#include <utility>

namespace asyncio::detail {

/// What a range is made of, as it may be taken: an rvalue range gives its elements away.
template <class R>
using RangeElement = std::conditional_t<
    std::is_lvalue_reference_v<R>, decltype(*std::declval<std::remove_reference_t<R>&>().begin()),
    std::remove_reference_t<decltype(*std::declval<std::remove_reference_t<R>&>().begin())>&&>;

template <class R>
concept RangeOfAwaitables = requires(std::remove_reference_t<R>& r) {
  r.begin();
  r.end();
} && !Awaitable<R> && Awaitable<std::remove_cvref_t<RangeElement<R>>>;

}  // namespace asyncio::detail
