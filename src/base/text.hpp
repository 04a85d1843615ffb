#pragma once

#include <source_location>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// The name in a compiler's pretty spelling of a function: "void a::f(int)" gives "a::f", a lambda
/// in it "a::f.<lambda>".
[[nodiscard]] std::string function_name(std::string_view pretty);
[[nodiscard]] std::string function_name(std::source_location where);

/// What a compiler's symbol stands for; the symbol itself if it is none.
[[nodiscard]] std::string demangled(const char* symbol);

/// "DIR/x.cpp" gives "x.cpp".
[[nodiscard]] std::string_view file_name(std::string_view path);

/// The type in what type_name<T>() gave, cut down to what a person wants to read.
[[nodiscard]] std::string readable_type(std::string_view pretty);

}  // namespace asyncio::detail
