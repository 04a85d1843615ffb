#pragma once

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace support {

/// Of this process, in their order.
inline std::vector<int> open_descriptors() {
  std::vector<int> open;
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return open;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') open.push_back(std::atoi(entry->d_name));
  }
  std::erase(open, ::dirfd(dir));
  ::closedir(dir);
  std::sort(open.begin(), open.end());
  return open;
}

inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace support
