#pragma once

#include <asyncio/detail/process_call.hpp>

#include <string>

namespace asyncio::detail {

/// Throws: RuntimeError if it is in no file that was loaded.
[[nodiscard]] ProgramPlace place_of(const void* address);

/// Null, if nothing is at that place here that could be called.
[[nodiscard]] const void* code_at(ProgramPlace place) noexcept;
/// Null, if that is no RemoteFunction.
[[nodiscard]] const RemoteFunction* remote_function_at(ProgramPlace place) noexcept;

/// What a call calls, for messages.
[[nodiscard]] std::string describe_call(const EncodedCall& call);

}  // namespace asyncio::detail
