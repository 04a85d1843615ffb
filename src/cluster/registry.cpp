#include "cluster/registry.hpp"

#include "base/printable.hpp"
#include "cluster/run_worker.hpp"
#include "io/program_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

namespace asyncio::cluster::detail {
namespace {

constexpr std::size_t longest_name = 200;

// A program that has tasks may be started as a worker.
const asyncio::detail::ProgramEntry entry(&become_worker_if_asked);

struct Registry {
  std::mutex mutex;
  std::map<std::string, Registered, std::less<>> tasks;
};

// Tasks are added by what initializes globals, in any order.
Registry& registry() {
  static Registry all;
  return all;
}

bool is_same(const Registered& a, const Registered& b) noexcept {
  return a.function == b.function && a.target == b.target;
}

void check_name(std::string_view name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!name.empty() && name.size() <= longest_name && printable) return;
  throw std::invalid_argument(
      fmt::format("cluster::task(): \"{}\" is no name of a task; it has 1 to {} printable ASCII "
                  "characters and no blanks",
                  asyncio::detail::printable(name, longest_name), longest_name));
}

}  // namespace

void add_task(std::string_view name, Registered task) {
  check_name(name);
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  const auto [at, is_new] = all.tasks.try_emplace(std::string(name), task);
  if (is_new || is_same(at->second, task)) return;
  throw std::invalid_argument(
      fmt::format("cluster::task(): \"{}\" is the name of another function already; give this one "
                  "a name of its own",
                  name));
}

std::string name_of(Registered task) {
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  const auto found = std::find_if(all.tasks.begin(), all.tasks.end(),
                                  [&](const auto& entry) { return is_same(entry.second, task); });
  if (found != all.tasks.end()) return found->first;
  throw std::invalid_argument(
      "submit(): the function has no name by which workers know it; give it one by "
      "cluster::task(\"name\", function), here and in the workers");
}

std::optional<Registered> find_task(std::string_view name) {
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.tasks.find(name);
  if (found == all.tasks.end()) return std::nullopt;
  return found->second;
}

std::string known_tasks() {
  constexpr std::size_t most = 20;
  Registry& all = registry();
  const std::scoped_lock lock(all.mutex);
  std::string text;
  std::size_t shown = 0;
  for (const auto& [name, task] : all.tasks) {
    if (shown++ == most) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace asyncio::cluster::detail
