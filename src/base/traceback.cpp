#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>
#include <asyncio/traceback.hpp>

#include "base/text.hpp"
#include "base/traceback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

using Kind = Traceback::Kind;

// As Python prints them.
constexpr unsigned shown_repeats = 3;
constexpr std::size_t most_members = 15;
constexpr unsigned most_nested = 10;

bool is_ours(const std::string& function) { return function.starts_with("asyncio::"); }

std::string text_of_frame(const Traceback& frame, const std::string& function) {
  const std::source_location at = frame.location;
  if (frame.kind == Kind::awaiting) return frame_text(at.file_name(), at.line(), function);
  const std::string_view file = file_name(frame.function.file_name());
  if (at.line() == 0)
    return fmt::format("\n  in {} ({}), before its first co_await", function, file);
  return fmt::format("\n  in {} ({}), after line {}", function, file, at.line());
}

std::string repeated(const std::string& line, std::size_t times) {
  std::string text;
  for (std::size_t n = 0; n < times && n < shown_repeats; ++n) text += line;
  if (times <= shown_repeats) return text;
  const std::size_t more = times - shown_repeats;
  return text +
         fmt::format("\n  [Previous line repeated {} more time{}]", more, more == 1 ? "" : "s");
}

const Traceback* link_of(const Traceback* frame) {
  while (frame != nullptr && !frame->is_link()) frame = frame->inner.get();
  return frame;
}

// What std::throw_with_nested() was told: the C++ way to say `raise ... from`.
std::exception_ptr nested_in(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::nested_exception& nested) {
    return nested.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

/// Writes failures one below the other, groups as trees with a margin.
class Writer {
 public:
  void write(const Failure& failure) {
    const Traceback* link = link_of(failure.traceback.get());
    const bool has_cause = link != nullptr && link->kind == Kind::caused;
    const std::exception_ptr nested = has_cause ? nullptr : nested_in(failure.error);
    if (nested != nullptr && chained_ < most_nested) {
      ++chained_;
      write(failure_of(nested));
      --chained_;
      say_why(Kind::caused);
    } else if (link != nullptr && link->other) {
      write(link->other);
      say_why(link->kind);
    }
    const BaseExceptionGroup* group = as_group(failure.error);
    if (group == nullptr) {
      write_one(failure, "Traceback (most recent call last):");
    } else if (depth_ > most_nested) {
      emit(fmt::format("... (groups below {} levels are left out)", most_nested));
    } else {
      write_group(failure, *group);
    }
  }
  [[nodiscard]] std::string take() {
    if (text_.ends_with('\n')) text_.pop_back();
    return std::move(text_);
  }

 private:
  void say_why(Kind kind) {
    emit(kind == Kind::caused
             ? "\nThe above exception was the direct cause of the following exception:\n"
             : "\nDuring handling of the above exception, another exception occurred:\n");
  }

  void write_one(const Failure& failure, std::string_view head, bool top = false) {
    const std::string frames = format_frames(failure.traceback.get());
    if (!frames.empty()) {
      emit(head, top ? '+' : '|');
      emit(std::string_view(frames).substr(1));
    }
    emit(describe(failure.error));
  }

  void write_group(const Failure& failure, const BaseExceptionGroup& group) {
    const bool top = depth_ == 0;
    if (top) depth_ = 1;
    write_one(failure, "Exception Group Traceback (most recent call last):", top);
    const std::size_t n = group.exceptions().size();
    const std::size_t shown = n <= most_members ? n : most_members + 1;
    for (std::size_t i = 0; i < shown; ++i) {
      const bool last = i + 1 == shown;
      open_ = last;
      const std::string title = i < most_members ? std::to_string(i + 1) : "...";
      text_ += fmt::format("{}{}+---------------- {} ----------------\n", indent(),
                           i == 0 ? "+-" : "  ", title);
      ++depth_;
      if (i < most_members) {
        write(members_of(group).failures[i]);
      } else {
        const std::size_t more = n - most_members;
        emit(fmt::format("and {} more exception{}", more, more == 1 ? "" : "s"));
      }
      if (last && std::exchange(open_, false)) {
        text_ += indent() + "+------------------------------------\n";
      }
      --depth_;
    }
    if (top) depth_ = 0;
  }

  [[nodiscard]] std::string indent() const { return std::string(std::size_t{2} * depth_, ' '); }

  void emit(std::string_view lines, char margin = '|') {
    const std::string before = depth_ == 0 ? "" : indent() + margin + ' ';
    for (std::size_t begin = 0; begin <= lines.size();) {
      const std::size_t end = std::min(lines.find('\n', begin), lines.size());
      text_ += before;
      text_ += lines.substr(begin, end - begin);
      text_ += '\n';
      begin = end + 1;
    }
  }

  std::string text_;
  unsigned depth_ = 0;
  unsigned chained_ = 0;
  bool open_ = false;  // the frame round the members still needs its bottom line
};

}  // namespace

std::string source_line(std::string_view path, unsigned line) {
  std::ifstream source{std::string(path)};
  std::string text;
  for (unsigned n = 0; n < line; ++n) {
    if (!std::getline(source, text)) return {};
  }
  constexpr const char* blanks = " \t\r";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string frame_text(std::string_view path, unsigned line, std::string_view name) {
  std::string text = fmt::format("\n  File \"{}\", line {}, in {}", path, line, name);
  if (const std::string source = source_line(path, line); !source.empty()) {
    text += "\n    " + source;
  }
  return text;
}

std::string format_frames(const Traceback* frame, std::optional<std::size_t> limit) {
  std::string text;
  std::string line;
  std::size_t times = 0;
  std::size_t frames = 0;
  for (; frame != nullptr && frames != limit; frame = frame->inner.get()) {
    if (frame->is_link()) continue;
    const std::string function = function_name(frame->function);
    if (is_ours(function)) continue;
    std::string next = text_of_frame(*frame, function);
    if (next != line) {
      text += repeated(line, times);
      line = std::move(next);
      times = 0;
    }
    const std::size_t more = std::min(std::size_t{frame->repeats} + 1, limit.value_or(-1) - frames);
    times += more;
    frames += more;
    if (frame->left_out > 0) {
      text += repeated(line, std::exchange(times, 0));
      text += fmt::format("\n  [{} frames are left out here]", frame->left_out);
      line.clear();
    }
  }
  return text + repeated(line, times);
}

std::string format_failure(const Failure& failure) {
  if (!failure) return "no exception";
  Writer writer;
  writer.write(failure);
  return writer.take();
}

}  // namespace detail

std::string format_exception(const std::exception_ptr& error) {
  return detail::format_failure(detail::failure_of(error));
}

void print_exception(const std::exception_ptr& error) {
  std::fprintf(stderr, "%s\n", format_exception(error).c_str());
}

}  // namespace asyncio
