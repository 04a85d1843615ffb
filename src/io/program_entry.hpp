#pragma once

namespace asyncio::detail {

/// Called where a program begins to be one of asyncio: by run(), run_main() and Runner. Null unless
/// the program has pools of processes, whose fork server may be this process.
using ProgramEntry = void (*)();
inline constinit ProgramEntry program_entry = nullptr;

}  // namespace asyncio::detail
