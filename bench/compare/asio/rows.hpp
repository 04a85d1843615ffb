// The harness: what a row is, how it is measured, and the command line.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rows {

// Does the work about n times and returns how many operations that were.
using Work = std::function<std::size_t(std::size_t n)>;

// The two figures are nanoseconds per operation, or whatever else the row measures.
struct Figures {
  double wall = 0;
  double cpu = 0;
  std::size_t operations = 0;
};

struct Row {
  std::string_view name;
  std::size_t n;
  std::function<Figures(std::size_t n)> measure;
};

inline void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::abort();
}

inline double nanoseconds(clockid_t clock) {
  std::timespec now{};
  clock_gettime(clock, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

inline Figures time(const Work& work, std::size_t n) {
  const double wall = nanoseconds(CLOCK_MONOTONIC);
  const double cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  const std::size_t operations = work(n);
  const double used_cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  const double used_wall = nanoseconds(CLOCK_MONOTONIC) - wall;
  const auto count = static_cast<double>(operations);
  return {used_wall / count, used_cpu / count, operations};
}

// For work too long to repeat.
inline auto once(Work work) {
  return [work = std::move(work)](std::size_t n) { return time(work, n); };
}

// A warm-up, then 3 to 15 repetitions, as many as 150 ms take; the medians.
inline auto repeated(Work work) {
  return [work = std::move(work)](std::size_t n) {
    using namespace std::chrono_literals;
    work(n);
    const auto enough = std::chrono::steady_clock::now() + 150ms;
    std::vector<Figures> runs;
    while (runs.size() < 3 || (runs.size() < 15 && std::chrono::steady_clock::now() < enough)) {
      runs.push_back(time(work, n));
    }
    const auto median = [&](double Figures::* figure) {
      std::ranges::sort(runs, {}, figure);
      return runs[runs.size() / 2].*figure;
    };
    return Figures{median(&Figures::wall), median(&Figures::cpu), runs.front().operations};
  };
}

// Not getrusage: its figure would start from that of the process that started this one.
inline std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::string key;
  while (status >> key && key != "VmHWM:") status.ignore(std::numeric_limits<int>::max(), '\n');
  std::size_t kilobytes = 0;
  status >> kilobytes;
  return kilobytes * 1024;
}

inline int main(int argc, char** argv, std::span<const Row> rows) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--list") {
    for (const Row& row : rows) std::printf("%s\n", row.name.data());
    return 0;
  }
  const auto row = std::ranges::find(rows, wanted, &Row::name);
  if (row == rows.end()) {
    std::fprintf(stderr, "no row \"%s\"; there are:", wanted.data());
    for (const Row& known : rows) std::fprintf(stderr, " %s", known.name.data());
    std::fprintf(stderr, "\n");
    return 2;
  }
  const Figures figures = row->measure(argc > 2 ? std::stoul(argv[2]) : row->n);
  std::printf("%s\t%.3f\t%.3f\t%zu\n", row->name.data(), figures.wall, figures.cpu,
              figures.operations);
  return 0;
}

}  // namespace rows
