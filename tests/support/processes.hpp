#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace support {

/// The state that /proc shows of a process: 'R', 'S', 'Z' ...; 0: there is none.
inline char state_of_process(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return 0;
  return text.at(text.rfind(')') + 2);
}

/// How many children this process has, zombies too.
inline int number_of_children() {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    if (!std::getline(stat, text) || text.rfind(')') == text.npos) continue;
    if (std::atoi(text.c_str() + text.rfind(')') + 4) == ::getpid()) ++found;
  }
  return found;
}

}  // namespace support
