#include "cluster/redis_message.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace asyncio::cluster::detail {

namespace {

constexpr std::int64_t nanoseconds_each = 1'000'000;

// Of the text of a version: which format the arguments have, then their signature.
constexpr std::string_view format_prefix = "1:";

template <class N>
std::optional<N> number(std::string_view digits, int base = 10) noexcept {
  N value = 0;
  const char* const end = digits.data() + digits.size();
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): with its end
  const auto result = std::from_chars(digits.data(), end, value, base);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

/// Reads the fields of a message one by one, and notes the first that is wrong.
class FieldReader {
 public:
  explicit FieldReader(const RedisNode& fields) noexcept : fields_(fields) {}

  void text(std::string_view name, std::string& into) {
    const RedisNode value = field(fields_, name);
    if (value.is_nil()) return wrong(fmt::format("it has no field \"{}\"", name));
    into = value.text();
  }
  void version(std::string_view name, std::uint64_t& into) {
    std::string text_of_it;
    text(name, text_of_it);
    if (!wrong_.empty()) return;
    const std::string_view text = text_of_it;
    const auto value = text.starts_with(format_prefix)
                           ? number<std::uint64_t>(text.substr(format_prefix.size()), 16)
                           : std::nullopt;
    if (!value) return wrong_value(name, text);
    into = *value;
  }
  template <class N>
  void count(std::string_view name, N& into) {
    const RedisNode value = field(fields_, name);
    if (value.is_nil()) return;  // as it is without one
    const auto read = number<N>(value.text());
    if (!read) return wrong_value(name, value.text());
    into = *read;
  }
  void duration(std::string_view name, Duration& into) {
    std::int64_t count_of_it = -1;
    count(name, count_of_it);
    if (count_of_it >= 0) into = from_milliseconds(count_of_it);
  }
  [[nodiscard]] std::string result() && { return std::move(wrong_); }

 private:
  void wrong(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }
  void wrong_value(std::string_view name, std::string_view value) {
    constexpr std::size_t shown = 40;
    wrong(fmt::format("its field \"{}\" is \"{}\"", name, value.substr(0, shown)));
  }
  RedisNode fields_;
  std::string wrong_;
};

}  // namespace

std::int64_t milliseconds(Duration duration) noexcept {
  const std::int64_t count = duration.nanoseconds();
  if (count <= 0) return 0;
  return count / nanoseconds_each + (count % nanoseconds_each != 0 ? 1 : 0);
}

Duration from_milliseconds(std::int64_t count) noexcept {
  return Duration::nanoseconds(nanoseconds_each) * count;
}

void append_values(RedisArguments& arguments, const Message& message) {
  arguments.view(message.id);
  arguments.view(message.task);
  arguments.own(fmt::format("{}{:x}", format_prefix, message.version));
  arguments.view(message.arguments);
  arguments.view(message.reply_to);
  arguments.number(message.attempt);
  arguments.number(message.redelivered);
  arguments.number(message.retry.max_attempts);
  arguments.number(milliseconds(message.retry.first_delay));
  arguments.number(milliseconds(message.retry.longest_delay));
  arguments.number(milliseconds(message.keep));
}

RedisNode field(const RedisNode& fields, std::string_view name) noexcept {
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text() == name) return fields[i + 1];
  }
  return {};
}

std::string read_message(const RedisNode& fields, std::string_view queue, Message& message) {
  FieldReader read(fields);
  message.queue = queue;
  read.text("id", message.id);
  read.text("task", message.task);
  read.version("version", message.version);
  read.text("args", message.arguments);
  message.reply_to = field(fields, "reply").text();
  read.count("attempt", message.attempt);
  read.count("redelivered", message.redelivered);
  read.count("max_attempts", message.retry.max_attempts);
  read.duration("first_delay_ms", message.retry.first_delay);
  read.duration("longest_delay_ms", message.retry.longest_delay);
  read.duration("keep_ms", message.keep);
  return std::move(read).result();
}

std::string_view name_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::value: return "value";
    case Outcome::error: return "error";
    case Outcome::cancelled: return "cancelled";
    case Outcome::dead: break;
  }
  return "dead";
}

Outcome outcome_of(std::string_view name) noexcept {
  for (const Outcome outcome : {Outcome::value, Outcome::error, Outcome::cancelled}) {
    if (name == name_of(outcome)) return outcome;
  }
  return Outcome::dead;
}

}  // namespace asyncio::cluster::detail
