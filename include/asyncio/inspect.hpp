#pragma once

// Looking at what runs and at what went wrong. The call graph is not there yet.

#include <asyncio/traceback.hpp>
