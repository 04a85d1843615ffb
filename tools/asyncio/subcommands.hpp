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
// If what they show was built:
void add_dashboard(CLI::App& app, Status& status);
void add_cluster(CLI::App& app, Status& status);
void add_worker(CLI::App& app, Status& status);

/// What stands behind -- in `asyncio worker` is the program's. It is taken away before the rest is
/// parsed, since -- would end the subcommand there. Returns: argc of the rest.
int cut_at_mark(int argc, char** argv);

}  // namespace asyncio::command
