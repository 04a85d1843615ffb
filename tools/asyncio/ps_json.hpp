#pragma once

#include "snapshot/view.hpp"

namespace asyncio::command {

/// All that was seen, as one JSON document of ASCII characters; ids are texts such as "0x7f00".
void write_json(const snapshot::ProcessView& process);

}  // namespace asyncio::command
