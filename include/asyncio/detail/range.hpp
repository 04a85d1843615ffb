#pragma once

#include <asyncio/detail/awaiter.hpp>

#include <string_view>  // std::ranges::enable_view, without <ranges>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

template <class R>
using RangeReference = decltype(*std::declval<std::remove_reference_t<R>&>().begin());

/// True for a container that is given away; a view of somebody else's elements gives nothing away.
template <class R>
inline constexpr bool owns_elements =
    !std::is_reference_v<R> && !std::ranges::enable_view<std::remove_cvref_t<R>> &&
    !std::ranges::enable_borrowed_range<std::remove_cvref_t<R>>;

/// What a range is made of, as it may be taken: values that it makes, elements that it gives away,
/// or references to elements.
template <class R>
using RangeElement =
    std::conditional_t<owns_elements<R> || !std::is_reference_v<RangeReference<R>>,
                       std::remove_reference_t<RangeReference<R>>&&, RangeReference<R>>;

template <class R>
concept RangeOfAwaitables = requires(std::remove_reference_t<R>& r) {
  r.begin();
  r.end();
} && !Awaitable<R> && Awaitable<std::remove_cvref_t<RangeElement<R>>>;

}  // namespace asyncio::detail
