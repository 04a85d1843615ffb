#pragma once

#include <spawn.h>

namespace asyncio::detail::sys {

/// Collects the errors of the calls that prepare a posix_spawn(), of which each may find no memory.
class SpawnSettings {
 public:
  SpawnSettings() noexcept {
    note(::posix_spawnattr_init(&attributes));
    note(::posix_spawn_file_actions_init(&actions));
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  void note(int result) noexcept {
    if (error == 0) error = result;
  }

  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int error = 0;
};

}  // namespace asyncio::detail::sys
