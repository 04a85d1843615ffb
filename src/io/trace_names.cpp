#include "base/json_text.hpp"
#include "base/text.hpp"
#include "core/repr.hpp"
#include "io/trace_tracks.hpp"

#include <fmt/format.h>

#include <bit>

namespace asyncio::detail {

const void* address_of(std::source_location location) noexcept {
  static_assert(sizeof location == sizeof(void*));
  return std::bit_cast<const void*>(location);
}

std::size_t TraceNames::Hash::operator()(const Key& key) const noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
  const auto mixed = (reinterpret_cast<std::uintptr_t>(key.function) * odd) ^
                     (reinterpret_cast<std::uintptr_t>(key.location) * (odd << 7 | 1)) ^
                     reinterpret_cast<std::uintptr_t>(key.what);
  return (mixed * odd) >> 20;
}

template <class F>
const std::string& TraceNames::text(const Key& key, F make) {
  const auto [place, made] = texts_.try_emplace(key);
  if (made) append_json(place->second, make());
  return place->second;
}

const std::string& TraceNames::of_function(std::source_location function) {
  return text({address_of(function), nullptr, nullptr}, [&]() -> std::string {
    return function.line() == 0 ? "a step" : function_name(function);
  });
}

const std::string& TraceNames::of_await(std::source_location function,
                                        std::source_location location, const char* what) {
  return text({address_of(function), address_of(location), what}, [&]() -> std::string {
    if (location.line() == 0) return "its first step";
    return fmt::format("{} at {}:{}, in {}()", what == nullptr ? "an await" : what,
                       file_name(location.file_name()), location.line(), function_name(function));
  });
}

const std::string& TraceNames::of_call(const char* type) {
  return text({nullptr, nullptr, type},
              [&]() -> std::string { return type == nullptr ? "(asyncio)" : callable_name(type); });
}

}  // namespace asyncio::detail
