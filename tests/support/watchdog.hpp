#pragma once

#include "support/log_capture.hpp"

#include <dirent.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace support {

inline bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

/// Threads of this process that watch loops.
inline int watchdog_threads() {
  int n = 0;
  DIR* tasks = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(tasks)) {
    std::ifstream comm("/proc/self/task/" + std::string(entry->d_name) + "/comm");
    std::string name;
    if (std::getline(comm, name) && name == "asyncio-watch") ++n;
  }
  ::closedir(tasks);
  return n;
}

/// Holds its thread up until so many reports contain `text`, ten seconds at most.
[[gnu::noinline]] inline void block_until(const LogCapture& logged, std::string_view text,
                                          int times = 1) {
  constexpr int most = 10'000;
  for (int i = 0; i < most && logged.count(text) < times; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// The same for one that looks at nothing but a flag.
class Until {
 public:
  Until(const LogCapture& logged, std::string_view text)
      : thread_([this, &logged, text] {
          block_until(logged, text);
          over_ = true;
        }) {}
  Until(const Until&) = delete;
  Until& operator=(const Until&) = delete;
  ~Until() { thread_.join(); }

  [[nodiscard]] const std::atomic<bool>& over() const noexcept { return over_; }

 private:
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

/// Sets a variable of the environment for a scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    // NOLINTBEGIN(concurrency-mt-unsafe)
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
    // NOLINTEND(concurrency-mt-unsafe)
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() {
    // NOLINTBEGIN(concurrency-mt-unsafe)
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
    // NOLINTEND(concurrency-mt-unsafe)
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace support
