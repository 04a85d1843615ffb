#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace asyncio::command {

/// What the chosen subcommand returns: the program's exit status. 0 before it has run.
using Status = int;

/// Each adds a subcommand, whose callback does the work and sets `status`. `status` outlives it.
/// The callback may throw snapshot::Unreadable, which is reported as DBG-046 says.
void add_ps(CLI::App& app, Status& status);
void add_pstree(CLI::App& app, Status& status);
void add_bt(CLI::App& app, Status& status);
void add_top(CLI::App& app, Status& status);
void add_dashboard(CLI::App& app, Status& status);  // if it was built

}  // namespace asyncio::command
