#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <random>
#include <vector>

/// One row of a benchmark in one process: `micro --list`, `micro ROW [OPERATIONS]`, which prints
/// ROW, wall and CPU time of an operation in nanoseconds, and the operations, apart by tabs.
namespace bench {

struct Figures {
  double wall = 0;
  double cpu = 0;
};

/// A row gives the figures of one operation itself, or is timed as a whole.
struct Row {
  const char* name;
  long operations;
  void (*work)(long operations);
  double (*measured)(long operations) = nullptr;  ///< instead of `work`: once, no time but a figure
  bool once = false;                              ///< a run takes seconds
};

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::abort();
}

inline double clock_nanoseconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// The most memory that this process has had, in bytes. (What getrusage() knows survives an exec.)
inline double peak_memory() {
  double kilobytes = 0;
  if (std::FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, status) != nullptr) {
      if (std::sscanf(line, "VmHWM: %lf", &kilobytes) == 1) break;
    }
    std::fclose(status);
  }
  return kilobytes * 1024;
}

/// Milliseconds below 1,000, the same ones in every program.
inline std::vector<int> random_delays(long count) {
  std::mt19937 random(42);  // NOLINT(cert-msc51-cpp): the same in every run
  std::vector<int> delays(static_cast<std::size_t>(count));
  for (int& delay : delays) delay = static_cast<int>(random() % 1000);
  return delays;
}

inline Figures timed(const Row& row, long operations) {
  const double wall = clock_nanoseconds(CLOCK_MONOTONIC);
  const double cpu = clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  row.work(operations);
  const auto n = static_cast<double>(operations);
  return {(clock_nanoseconds(CLOCK_MONOTONIC) - wall) / n,
          (clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n};
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// A first run that warms up, then the median of three to fifteen.
inline Figures figures(const Row& row, long operations) {
  if (row.measured != nullptr) {
    const double figure = row.measured(operations);
    return {figure, figure};
  }
  if (row.once) return timed(row, operations);
  constexpr double enough = 150e6;
  std::vector<double> wall;
  std::vector<double> cpu;
  timed(row, operations);
  const double began = clock_nanoseconds(CLOCK_MONOTONIC);
  while (wall.size() < 3 ||
         (wall.size() < 15 && clock_nanoseconds(CLOCK_MONOTONIC) - began < enough)) {
    const Figures f = timed(row, operations);
    wall.push_back(f.wall);
    cpu.push_back(f.cpu);
  }
  return {median(wall), median(cpu)};
}

inline int main(int argc, char** argv, std::initializer_list<Row> rows) {
  const char* wanted = argc > 1 ? argv[1] : "";
  for (const Row& row : rows) {
    if (std::strcmp(wanted, row.name) != 0) continue;
    const long operations = argc > 2 ? std::atol(argv[2]) : row.operations;
    const Figures f = figures(row, operations);
    std::printf("%s\t%.3f\t%.3f\t%ld\n", row.name, f.wall, f.cpu, operations);
    return 0;
  }
  const bool list = std::strcmp(wanted, "--list") == 0;
  if (!list) std::fprintf(stderr, "usage: %s ROW [OPERATIONS]; the rows are:\n", argv[0]);
  for (const Row& row : rows) std::fprintf(list ? stdout : stderr, "%s\n", row.name);
  return list ? 0 : 2;
}

}  // namespace bench
