#include <asyncio/error.hpp>

#include "base/text.hpp"
#include "base/traceback.hpp"

#include <fmt/format.h>

#include <typeinfo>

namespace asyncio {
namespace detail {

Ref<SharedText> SharedText::make(std::string_view text) {
  return text.empty() ? Ref<SharedText>() : Ref<SharedText>::adopt(new SharedText(text));
}

TextError::TextError(std::string_view text) : text_(SharedText::make(text)) {}

// The text is a std::string inside, so it ends with a zero.
const char* TextError::what() const noexcept { return text_ ? text_->view().data() : ""; }

namespace {

std::string incomplete_text(std::size_t partial, std::optional<std::size_t> expected) {
  return expected ? fmt::format("{} bytes read on a total of {} expected bytes", partial, *expected)
                  : fmt::format("{} bytes read on a total of undefined expected bytes", partial);
}

std::string count_text(std::string_view message, std::size_t n) {
  return fmt::format("{} ({} sub-exception{})", message, n, n == 1 ? "" : "s");
}

bool is_ordinary(const std::exception_ptr& error) {
  if (is_cancelled_error(error) || is_keyboard_interrupt(error) || is_generator_exit(error)) {
    return false;
  }
  return as_group(error) == nullptr || holds<ExceptionGroup>(error);
}

// Looks up where each has come from.
Members members_from(const std::vector<std::exception_ptr>& exceptions) {
  std::vector<Failure> members;
  members.reserve(exceptions.size());
  for (const std::exception_ptr& e : exceptions) members.push_back(failure_of(e));
  return Members(std::move(members));
}

std::vector<std::exception_ptr> pointers_of(const Members& members) {
  std::vector<std::exception_ptr> pointers;
  pointers.reserve(members.failures.size());
  for (const Failure& f : members.failures) pointers.push_back(f.error);
  return pointers;
}

std::string type_text(const std::type_info& type) {
  std::string text = demangled(type.name());
  // What std::throw_with_nested() throws: the name of what it was given.
  if (constexpr std::string_view nested = "std::_Nested_exception<";
      text.starts_with(nested) && text.ends_with('>')) {
    text = text.substr(nested.size(), text.size() - nested.size() - 1);
  }
  for (std::string_view prefix : {"asyncio::", "std::"}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return text;
}

}  // namespace

const BaseExceptionGroup* as_group(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const BaseExceptionGroup& group) {
    return &group;  // lives as long as `error` does
  } catch (...) {
    return nullptr;
  }
}

const Members& members_of(const BaseExceptionGroup& group) noexcept { return group.members_; }

Members select(const Members& members, Matcher matches, bool matching) {
  Members chosen{{}};
  for (const Failure& member : members.failures) {
    if (matches(member.error)) {
      if (matching) chosen.failures.push_back(member);
    } else if (const BaseExceptionGroup* group = as_group(member.error)) {
      Members inner = select(members_of(*group), matches, matching);
      if (inner.failures.empty()) continue;
      chosen.failures.emplace_back(make_group(group->message(), std::move(inner)),
                                   member.traceback);
    } else if (!matching) {
      chosen.failures.push_back(member);
    }
  }
  return chosen;
}

bool is_cancelled_error(const std::exception_ptr& error) noexcept {
  return error != nullptr && *error.__cxa_exception_type() == typeid(CancelledError);
}

bool is_keyboard_interrupt(const std::exception_ptr& error) noexcept {
  return error != nullptr && *error.__cxa_exception_type() == typeid(KeyboardInterrupt);
}

bool is_generator_exit(const std::exception_ptr& error) noexcept {
  return error != nullptr && *error.__cxa_exception_type() == typeid(GeneratorExit);
}

std::exception_ptr make_group(std::string_view message, Members members) {
  for (const Failure& f : members.failures) {
    if (!is_ordinary(f.error)) {
      return std::make_exception_ptr(BaseExceptionGroup(message, std::move(members)));
    }
  }
  return std::make_exception_ptr(ExceptionGroup(message, std::move(members)));
}

std::string describe(const std::exception_ptr& error) {
  if (error == nullptr) return "no exception";
  std::string type = type_text(*error.__cxa_exception_type());
  std::string text;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    text = e.what();
  } catch (const CancelledError& e) {
    text = e.message();
  } catch (const BaseExceptionGroup& e) {
    text = count_text(e.message(), e.exceptions().size());
  } catch (const std::string& s) {
    text = s;
  } catch (const char* s) {
    text = s;
  } catch (...) {
    text.clear();
  }
  return text.empty() ? type : type + ": " + text;
}

void throw_runtime_error(std::string_view text) { throw RuntimeError(std::string(text)); }
void throw_invalid_state(std::string_view text) { throw InvalidStateError(std::string(text)); }
void throw_invalid_argument(std::string_view text) {
  throw std::invalid_argument(std::string(text));
}

}  // namespace detail

CancelledError::CancelledError(std::string_view message)
    : message_(detail::SharedText::make(message)) {}

IncompleteReadError::IncompleteReadError(std::string partial, std::optional<std::size_t> expected)
    : TextError(detail::incomplete_text(partial.size(), expected)),
      partial_(std::move(partial)),
      expected_(expected) {}

BaseExceptionGroup::BaseExceptionGroup(std::string_view message,
                                       std::vector<std::exception_ptr> exceptions)
    : BaseExceptionGroup(message, detail::members_from(exceptions)) {}

BaseExceptionGroup::BaseExceptionGroup(std::string_view message, detail::Members members)
    : message_(message), exceptions_(detail::pointers_of(members)), members_(std::move(members)) {
  if (exceptions_.empty()) {
    detail::throw_invalid_argument(
        "ExceptionGroup: needs at least one exception; throw something else when there is none");
  }
  for (std::size_t i = 0; i < exceptions_.size(); ++i) {
    if (exceptions_[i] == nullptr) {
      detail::throw_invalid_argument(
          fmt::format("ExceptionGroup: exception {} of {} is a null pointer; leave it out", i + 1,
                      exceptions_.size()));
    }
  }
}

ExceptionGroup::ExceptionGroup(std::string_view message, std::vector<std::exception_ptr> exceptions)
    : ExceptionGroup(message, detail::members_from(exceptions)) {}

ExceptionGroup::ExceptionGroup(std::string_view message, detail::Members members)
    : BaseExceptionGroup(message, std::move(members)) {
  for (const std::exception_ptr& e : this->exceptions()) {
    if (!detail::is_ordinary(e)) {
      detail::throw_invalid_argument(
          fmt::format("ExceptionGroup: \"{}\" is no ordinary error; use BaseExceptionGroup",
                      detail::describe(e)));
    }
  }
  what_ = detail::count_text(message, this->exceptions().size());
}

}  // namespace asyncio
