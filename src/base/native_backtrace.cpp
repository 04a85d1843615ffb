#include "base/native_backtrace.hpp"

#include "base/text.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fmt/format.h>

#include <algorithm>

namespace asyncio::detail {
namespace {

// Without parameters; empty where the program does not export the name.
std::string symbol_name(const char* mangled) {
  return mangled == nullptr ? "" : function_name(std::string_view(demangled(mangled)));
}

std::string frame_line(void* return_address) {
  // The call, not what comes after it.
  void* address = static_cast<char*>(return_address) - 1;
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) {
    return fmt::format("\n  {}", address);
  }
  const auto offset =
      reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  const std::string name = symbol_name(info.dli_sname);
  return fmt::format("\n  {}{}{}+{:#x}{}", name, name.empty() ? "" : " (", info.dli_fname, offset,
                     name.empty() ? "" : ")");
}

}  // namespace

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
  for (std::uint32_t i = size; i > 0; --i) text += frame_line(frames[i - 1]);
  return text;
}

}  // namespace asyncio::detail
