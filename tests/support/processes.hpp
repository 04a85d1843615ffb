#pragma once

#include "support/children.hpp"

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
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

/// The children of a process, zombies included.
inline int children(pid_t parent = ::getpid()) {
  int found = 0;
  DIR* dir = ::opendir("/proc");
  if (dir == nullptr) return -1;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
  while (const dirent* entry = ::readdir(dir)) {
    if (std::atoi(entry->d_name) == 0) continue;
    std::ifstream file("/proc/" + std::string(entry->d_name) + "/stat");
    std::string stat;
    std::getline(file, stat);  // which may be gone by now: an iterator would throw then
    const std::size_t name_ends = stat.rfind(')');
    if (name_ends == std::string::npos || name_ends + 4 > stat.size()) continue;
    if (std::atoi(stat.c_str() + name_ends + 4) == parent) ++found;
  }
  ::closedir(dir);
  return found;
}

/// A counter that processes share.
class SharedCounter {
 public:
  SharedCounter()
      : count_(static_cast<std::atomic<int>*>(::mmap(nullptr, sizeof(std::atomic<int>),
                                                     PROT_READ | PROT_WRITE,
                                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  ~SharedCounter() { ::munmap(count_, sizeof *count_); }
  std::atomic<int>& operator*() const { return *count_; }

 private:
  std::atomic<int>* count_;
};

}  // namespace support
