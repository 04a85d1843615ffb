#include "dashboard/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace asyncio::dashboard {
namespace {

using State = snapshot::TaskView::State;

constexpr std::size_t longest_text = 200;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool contains(std::string_view text, std::string_view lower_case_part) {
  return std::search(text.begin(), text.end(), lower_case_part.begin(), lower_case_part.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

template <class T, std::size_t n>
std::optional<T> named(const std::array<std::pair<std::string_view, T>, n>& names,
                       const http::Params& params, std::string_view key) {
  const std::string given = params.get(key).value_or("");
  for (const auto& [name, value] : names) {
    if (name == given) return value;
  }
  return std::nullopt;
}

constexpr std::array<std::pair<std::string_view, Query::View>, 4> views = {
    {{"tasks", Query::View::tasks},
     {"tree", Query::View::tree},
     {"awaits", Query::View::awaits},
     {"plots", Query::View::plots}}};
constexpr std::array<std::pair<std::string_view, Query::Sort>, 7> sorts = {
    {{"name", Query::Sort::name},
     {"state", Query::Sort::state},
     {"place", Query::Sort::place},
     {"what", Query::Sort::waits_for},
     {"since", Query::Sort::since},
     {"steps", Query::Sort::steps},
     {"cpu", Query::Sort::cpu}}};
constexpr std::array<std::pair<std::string_view, State>, 3> states = {
    {{"running", State::running}, {"ready", State::ready}, {"waiting", State::waiting}}};

/// Finds a text in tasks; a stack is looked through once for all that have it.
class Search {
 public:
  Search(const Stacks& stacks, const std::string& text) : text_(text) {
    if (text.empty()) return;
    places_.reserve(stacks.places().size());
    for (const Place& place : stacks.places()) {
      places_.push_back(
          contains(fmt::format("{} {}:{}", place.function, place.file, place.line), text));
    }
    for (const Stacks::Stack& stack : stacks.stacks()) {
      stacks_.push_back(contains(stack.waits_for, text) ||
                        std::any_of(stack.places.begin(), stack.places.end(),
                                    [this](std::uint32_t place) { return places_[place]; }));
    }
  }
  [[nodiscard]] bool matches(const TaskRow& row) const {
    return text_.empty() || stacks_[row.stack] || contains(row.task->name, text_);
  }

 private:
  const std::string& text_;
  std::vector<bool> places_;
  std::vector<bool> stacks_;
};

/// Whether a row comes before another one.
class Before {
 public:
  Before(const Sample& sample, const Stacks& stacks, const Query& query)
      : tasks_(sample.tasks), stacks_(stacks), query_(query) {}

  bool operator()(std::uint32_t left, std::uint32_t right) const {
    const int order = compare(tasks_[left], tasks_[right]);
    if (order != 0) return query_.descending ? order > 0 : order < 0;
    return left < right;
  }

 private:
  template <class T>
  static int compare(const T& left, const T& right) {
    return left < right ? -1 : right < left ? 1 : 0;
  }
  [[nodiscard]] int compare(const TaskRow& left, const TaskRow& right) const {
    switch (query_.sort) {
      case Query::Sort::name: return natural(left.task->name, right.task->name);
      case Query::Sort::state: return compare(left.task->state, right.task->state);
      case Query::Sort::place: return compare_places(left, right);
      case Query::Sort::waits_for: return left.task->waits_for.compare(right.task->waits_for);
      case Query::Sort::since: return compare(left.since, right.since);
      case Query::Sort::steps: return compare(left.steps, right.steps);
      case Query::Sort::cpu: return compare(left.cpu, right.cpu);
    }
    return 0;
  }
  [[nodiscard]] int compare_places(const TaskRow& left, const TaskRow& right) const {
    const Place* a = place(left);
    const Place* b = place(right);
    if (a == nullptr || b == nullptr) return compare(a != nullptr, b != nullptr);
    const int files = a->file.compare(b->file);
    return files != 0 ? files : compare(a->line, b->line);
  }
  [[nodiscard]] const Place* place(const TaskRow& row) const {
    const Stacks::Stack& stack = stacks_.stacks()[row.stack];
    const std::vector<std::uint32_t>& places = stack.places;
    return places.empty() ? nullptr : &stacks_.places()[places[stack.where]];
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  // "Task-9" before "Task-10": at the first difference the longer number is the greater one.
  static int natural(std::string_view left, std::string_view right) {
    const std::size_t same = static_cast<std::size_t>(
        std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first - left.begin());
    const auto digits = [same](std::string_view text) {
      std::size_t end = same;
      while (end < text.size() && is_digit(text[end])) ++end;
      return end - same;
    };
    const bool within = same > 0 && is_digit(left[same - 1]);
    if ((digits(left) > 0 && digits(right) > 0) || within) {
      if (digits(left) != digits(right)) return compare(digits(left), digits(right));
    }
    return left.substr(same).compare(right.substr(same));
  }

  const std::vector<TaskRow>& tasks_;
  const Stacks& stacks_;
  const Query& query_;
};

}  // namespace

Query Query::parse(const http::Params& params) {
  Query query;
  query.view = named(views, params, "view").value_or(query.view);
  query.sort = named(sorts, params, "sort").value_or(query.sort);
  query.descending = params.get("order").value_or("") == "down";
  query.state = named(states, params, "state");
  query.text = lowered(params.get("text").value_or("").substr(0, longest_text));
  return query;
}

Selection select(const Sample& sample, const Stacks& stacks, const Query& query, std::size_t most) {
  const Search search(stacks, query.text);
  Selection selection;
  std::vector<std::uint32_t>& rows = selection.rows;
  for (std::uint32_t i = 0; i < sample.tasks.size(); ++i) {
    const TaskRow& row = sample.tasks[i];
    if (query.state && row.task->state != *query.state) continue;
    if (search.matches(row)) rows.push_back(i);
  }
  selection.matched = rows.size();
  const Before before(sample, stacks, query);
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(std::min(most, rows.size()));
  std::partial_sort(rows.begin(), end, rows.end(), before);
  rows.erase(end, rows.end());
  return selection;
}

}  // namespace asyncio::dashboard
