#pragma once

namespace asyncio::detail {

/// What is asked where a program begins to be one of asyncio: by run(), run_main() and Runner.
/// Whoever this process was started for by this library may take it over there: the fork server of
/// a pool of processes, a worker of a cluster. Only programs that have such things link them.
struct ProgramEntry {
  using Enter = void (*)();
  explicit ProgramEntry(Enter what) noexcept;
  ProgramEntry(const ProgramEntry&) = delete;
  ProgramEntry& operator=(const ProgramEntry&) = delete;

  const Enter enter;
  ProgramEntry* const next;
};

/// Added to while globals are initialized.
inline constinit ProgramEntry* program_entries = nullptr;

inline ProgramEntry::ProgramEntry(Enter what) noexcept : enter(what), next(program_entries) {
  program_entries = this;
}

inline void enter_program() {
  for (const ProgramEntry* one = program_entries; one != nullptr; one = one->next) one->enter();
}

}  // namespace asyncio::detail
