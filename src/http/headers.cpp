#include <asyncio/http_headers.hpp>

#include "http/text.hpp"

#include <algorithm>

namespace asyncio::http {

using detail::equal_ignoring_case;

Headers::Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  fields_.reserve(fields.size());
  for (const auto& [name, value] : fields) add(name, value);
}

void Headers::add(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::check_header("Headers", name, value);
  fields_.push_back({std::string(name), std::string(value)});
}

void Headers::set(std::string_view name, std::string_view value) {
  value = detail::trim(value);
  detail::check_header("Headers", name, value);
  Header field{std::string(name), std::string(value)};
  const auto is_it = [&](const Header& h) { return equal_ignoring_case(h.name, name); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), is_it);
  if (first == fields_.end()) {
    fields_.push_back(std::move(field));
    return;
  }
  fields_.erase(std::remove_if(first + 1, fields_.end(), is_it), fields_.end());
  *first = std::move(field);
}

std::size_t Headers::remove(std::string_view name) noexcept {
  return std::erase_if(fields_, [&](const Header& h) { return equal_ignoring_case(h.name, name); });
}

void Headers::update(const Headers& others) {
  for (const Header& other : others) remove(other.name);
  fields_.insert(fields_.end(), others.begin(), others.end());
}

bool Headers::contains(std::string_view name) const noexcept {
  return std::any_of(begin(), end(),
                     [&](const Header& h) { return equal_ignoring_case(h.name, name); });
}

std::optional<std::string> Headers::get(std::string_view name) const {
  std::optional<std::string> joined;
  for (const Header& field : fields_) {
    if (!equal_ignoring_case(field.name, name)) continue;
    if (joined) {
      *joined += ", " + field.value;
    } else {
      joined = field.value;
    }
  }
  return joined;
}

std::string_view Headers::value(std::string_view name) const noexcept {
  for (const Header& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

std::vector<std::string> Headers::get_list(std::string_view name) const {
  std::vector<std::string> values;
  for (const Header& field : fields_) {
    if (equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

}  // namespace asyncio::http
