#include <asyncio/context.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/detail/thread_state.hpp>
#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <vector>

namespace asyncio {
namespace detail {

/// Few variables exist, so the map is a list; it is copied when one is set.
class ContextMap {
 public:
  struct Entry {
    std::uint64_t variable;
    Ref<ContextValue> value;
  };
  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }
  [[nodiscard]] Ref<ContextValue> find(std::uint64_t variable) const noexcept {
    for (const Entry& e : entries) {
      if (e.variable == variable) return e.value;
    }
    return {};
  }
  std::vector<Entry> entries;

 private:
  SharedCount users_;
};

ContextCell::ContextCell() noexcept = default;
ContextCell::ContextCell(Ref<ContextMap> map) noexcept : map_(std::move(map)) {}
ContextCell::~ContextCell() = default;
void ContextCell::set_map(Ref<ContextMap> map) noexcept { map_ = std::move(map); }

namespace {

// The place of the thread's own context, which goes when the thread ends.
ContextCell*& own_context() noexcept {
  struct Owner {
    ~Owner() {
      if (ContextCell* cell = std::exchange(thread_state.own_context, nullptr)) cell->drop_ref();
    }
  };
  thread_local const Owner owner;
  (void)owner;
  return thread_state.own_context;
}

// Read access: may be null.
ContextCell* current_cell() noexcept {
  if (TaskState* task = running_task()) {
    const TaskExtra* extra = task->extra_or_null();
    return extra == nullptr ? nullptr : extra->context;
  }
  if (thread_state.callback_context != nullptr) return *thread_state.callback_context;
  return thread_state.own_context;
}

ContextCell& current_cell_for_writing() {
  TaskState* task = running_task();
  ContextCell*& place = task != nullptr                            ? *task->context_place()
                        : thread_state.callback_context != nullptr ? *thread_state.callback_context
                                                                   : own_context();
  if (place == nullptr) place = new ContextCell;
  return *place;
}

}  // namespace

ContextCell* capture_context() {
  const ContextCell* cell = current_cell();
  return cell == nullptr || !cell->map() ? nullptr : new ContextCell(cell->map());
}

std::uint64_t new_context_variable() noexcept {
  static std::uint64_t last = 0;  // accessed atomically
  return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

Ref<ContextValue> context_get(std::uint64_t variable) noexcept {
  const ContextCell* cell = current_cell();
  return cell == nullptr || !cell->map() ? Ref<ContextValue>() : cell->map()->find(variable);
}

namespace {

// A copy of the cell's map with this value instead of the one before, which is returned.
Ref<ContextValue> replace(ContextCell& cell, std::uint64_t variable, Ref<ContextValue> value) {
  auto map = Ref<ContextMap>::adopt(new ContextMap);
  Ref<ContextValue> before;
  if (cell.map()) {
    for (const ContextMap::Entry& e : cell.map()->entries) {
      if (e.variable == variable) {
        before = e.value;
      } else {
        map->entries.push_back(e);
      }
    }
  }
  if (value) map->entries.push_back({variable, std::move(value)});
  cell.set_map(std::move(map));
  return before;
}

}  // namespace

Ref<ContextChange> context_set(std::uint64_t variable, Ref<ContextValue> value) {
  ContextCell& cell = current_cell_for_writing();
  // First: what fails must have changed nothing.
  auto change = Ref<ContextChange>::adopt(
      new ContextChange(variable, Ref<ContextCell>(&cell), Ref<ContextValue>()));
  change->before = replace(cell, variable, std::move(value));
  return change;
}

void context_reset(std::uint64_t variable, std::string_view name, ContextChange* token) {
  if (token == nullptr || !token->cell) {
    throw_runtime_error(fmt::format(
        "ContextVar '{}': reset(): the token has been used; each one undoes one set()", name));
  }
  ContextChange& change = *token;
  if (change.variable != variable) {
    throw_invalid_argument(
        fmt::format("ContextVar '{}': reset(): the token was made by another variable; give it to "
                    "that one",
                    name));
  }
  if (change.cell.get() != current_cell()) {
    throw_invalid_argument(
        fmt::format("ContextVar '{}': reset(): the token was made in another context; reset in "
                    "the task that has called set()",
                    name));
  }
  replace(*change.cell, variable, change.before);
  change.cell = {};
}

void throw_unset(std::string_view variable) {
  throw std::out_of_range(fmt::format(
      "ContextVar '{}' has no value here and no default; set() it, or call get(fallback)",
      variable));
}

void ContextCell::enter() {
  if (entered_) {
    throw_runtime_error(
        "Context.run(): cannot enter the context: it is already entered; run in a copy of it");
  }
  entered_ = true;
}

EnterContext::EnterContext(ContextCell** place) : entered_(*place) {
  entered_->enter();
  previous_place_ = std::exchange(thread_state.callback_context, place);
  previous_task_ = std::exchange(thread_state.task, nullptr);
}

EnterContext::~EnterContext() {
  thread_state.callback_context = previous_place_;
  thread_state.task = static_cast<TaskState*>(previous_task_);
  entered_->leave();
}

}  // namespace detail

Context::Context() : cell_(detail::Ref<detail::ContextCell>::adopt(new detail::ContextCell)) {}

Context Context::copy() const {
  return Context(detail::Ref<detail::ContextCell>::adopt(new detail::ContextCell(cell_->map())));
}

Context copy_context() {
  detail::ContextCell* captured = detail::capture_context();
  return captured == nullptr ? Context()
                             : Context(detail::Ref<detail::ContextCell>::adopt(captured));
}

}  // namespace asyncio
