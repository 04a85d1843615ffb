#pragma once

namespace asyncio::detail {
class LoopState;
}

// Of one object file with the note, so that whoever links a loop links the note. The linker sees
// to their distance, which is why they have C's names and are this file's alone.
extern "C" {
[[gnu::visibility("hidden")]] extern asyncio::detail::LoopState* asyncio_open_loops;
}
