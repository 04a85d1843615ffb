#include "base/native_backtrace.hpp"

#include "base/text.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fmt/format.h>

#include <algorithm>

namespace asyncio::detail {
namespace {

// "_ZN7asyncio3runI..." gives "asyncio::run": of what is mangled in ways that a demangler of before
// does not know.
std::string nested_name(std::string_view mangled) {
  std::string name;
  for (std::size_t at = 3; at < mangled.size();) {
    std::size_t size = 0;
    while (at < mangled.size() && mangled[at] >= '0' && mangled[at] <= '9') {
      size = std::min(size * 10 + static_cast<std::size_t>(mangled[at++] - '0'), mangled.size());
    }
    if (size == 0) break;
    name += name.empty() ? "" : "::";
    name += mangled.substr(std::min(at, mangled.size()), size);
    at += size;
  }
  return name;
}

// Without parameters.
std::string readable(const std::string& mangled) {
  if (mangled.empty()) return mangled;
  const std::string name = demangled(mangled.c_str());
  if (name != mangled) return function_name(std::string_view(name));
  return mangled.starts_with("_ZN") ? nested_name(mangled) : mangled;
}

}  // namespace

std::string native_frame_text(const void* address, Symbols* symbols) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    return fmt::format("\n  {}", address);
  }
  const auto offset =
      reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  const std::string exported = info.dli_sname == nullptr ? "" : info.dli_sname;
  const std::string name = readable(symbols == nullptr ? exported : symbols->name_of(address));
  return fmt::format("\n  {}{}{}+{:#x}{}", name, name.empty() ? "" : " (", info.dli_fname, offset,
                     name.empty() ? "" : ")");
}

NativeBacktrace NativeBacktrace::here(std::size_t skip) noexcept {
  constexpr std::size_t most_skipped = 6;
  void* found[most + most_skipped];
  ++skip;  // this function
  const auto n = static_cast<std::size_t>(::backtrace(found, static_cast<int>(most + skip)));
  NativeBacktrace trace;
  for (std::size_t i = std::min(skip, n); i < n && trace.size < most; ++i) {
    trace.frames[trace.size++] = found[i];
  }
  return trace;
}

std::string NativeBacktrace::text() const {
  std::string text;
  for (std::uint32_t i = size; i > 0; --i) {
    // The call, not what comes after it. Reading a file's symbols takes milliseconds, and such a
    // text may be wanted for each of a million coroutines.
    text += native_frame_text(static_cast<const char*>(frames[i - 1]) - 1, nullptr);
  }
  return text;
}

}  // namespace asyncio::detail
