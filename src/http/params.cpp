#include <asyncio/http_params.hpp>

#include "http/text.hpp"

#include <algorithm>

namespace asyncio::http {

Params::Params(std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
  items_.reserve(items.size());
  for (const auto& [name, value] : items) add(name, value);
}

Params Params::parse(std::string_view query) {
  Params params;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    if (item.empty()) continue;
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view value = item.substr(std::min(equals + 1, item.size()));
    params.items_.push_back({detail::percent_decode(item.substr(0, equals), true),
                             detail::percent_decode(value, true)});
  }
  return params;
}

void Params::add(std::string_view name, std::string_view value) {
  items_.push_back({std::string(name), std::string(value)});
}

void Params::set(std::string_view name, std::string_view value) {
  std::erase_if(items_, [&](const Item& item) { return item.name == name; });
  add(name, value);
}

bool Params::contains(std::string_view name) const noexcept {
  return std::any_of(begin(), end(), [&](const Item& item) { return item.name == name; });
}

std::optional<std::string> Params::get(std::string_view name) const {
  for (const Item& item : items_) {
    if (item.name == name) return item.value;
  }
  return std::nullopt;
}

std::vector<std::string> Params::get_list(std::string_view name) const {
  std::vector<std::string> values;
  for (const Item& item : items_) {
    if (item.name == name) values.push_back(item.value);
  }
  return values;
}

std::string Params::str() const {
  std::string text;
  for (const Item& item : items_) {
    if (!text.empty()) text += '&';
    text += detail::percent_encode(item.name) + '=' + detail::percent_encode(item.value);
  }
  return text;
}

}  // namespace asyncio::http
