#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::cluster::detail {

/// A command as it is sent. Copies share the bytes, since it may have to be sent again.
class RedisCommand {
 public:
  RedisCommand() noexcept = default;
  /// Throws: std::bad_alloc.
  explicit RedisCommand(const std::vector<std::string_view>& arguments);
  RedisCommand(std::initializer_list<std::string_view> arguments)
      : RedisCommand(std::vector<std::string_view>(arguments)) {}

  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.get(), size_}; }

 private:
  std::shared_ptr<char> bytes_;
  std::size_t size_ = 0;
};

/// The arguments of a command while they are collected: views where the text lives elsewhere.
class RedisArguments {
 public:
  /// Lifetime: the text must outlive this.
  void view(std::string_view text) {
    bytes_ += text.size();
    all_.push_back(text);
  }
  void own(std::string text) { view(owned_.emplace_back(std::move(text))); }
  void number(std::int64_t value) { own(std::to_string(value)); }
  void replace(std::size_t i, std::string_view text) { all_.at(i) = text; }

  [[nodiscard]] const std::vector<std::string_view>& all() const noexcept { return all_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Whether the first so many are the same.
  [[nodiscard]] bool begins_as(const RedisArguments& other, std::size_t count) const {
    return std::equal(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(count),
                      other.all_.begin());
  }
  [[nodiscard]] RedisCommand command() const { return RedisCommand(all_); }

 private:
  std::vector<std::string_view> all_;
  std::size_t bytes_ = 0;
  std::deque<std::string> owned_;  // whose elements stay where they are
};

}  // namespace asyncio::cluster::detail
