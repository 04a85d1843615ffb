#include <asyncio/error.hpp>
#include <asyncio/subprocess.hpp>

#include "io/system_process.hpp"

#include <fmt/format.h>

namespace asyncio {

Environment::Environment(
    std::initializer_list<std::pair<std::string_view, std::string_view>> variables) {
  for (const auto& [name, value] : variables) set(name, value);
}

Environment Environment::current() {
  Environment copy;
  for (char* const* at = detail::sys::environment(); at != nullptr && *at != nullptr; ++at) {
    copy.variables_.emplace_back(*at);
  }
  return copy;
}

void Environment::set(std::string_view name, std::string_view value) {
  constexpr std::string_view not_in_a_name("=\0", 2);
  if (name.empty() || name.find_first_of(not_in_a_name) != name.npos ||
      value.find('\0') != value.npos) {
    detail::throw_invalid_argument(
        fmt::format("Environment: \"{}\" = \"{}\"; a name is not empty and has no '=', and "
                    "neither has a NUL byte",
                    name, value));
  }
  std::string variable = fmt::format("{}={}", name, value);
  const std::size_t at = find(name);
  if (at < variables_.size()) {
    variables_[at] = std::move(variable);
  } else {
    variables_.push_back(std::move(variable));
  }
}

void Environment::unset(std::string_view name) noexcept {
  const std::size_t at = find(name);
  if (at < variables_.size())
    variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(at));
}

std::optional<std::string_view> Environment::get(std::string_view name) const noexcept {
  const std::size_t at = find(name);
  if (at == variables_.size()) return std::nullopt;
  return std::string_view(variables_[at]).substr(name.size() + 1);
}

std::size_t Environment::find(std::string_view name) const noexcept {
  std::size_t at = 0;
  for (; at < variables_.size(); ++at) {
    const std::string_view variable = variables_[at];
    if (variable.size() > name.size() && variable.starts_with(name) &&
        variable[name.size()] == '=') {
      break;
    }
  }
  return at;
}

}  // namespace asyncio
