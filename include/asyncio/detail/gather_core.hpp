#pragma once

#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/task_state.hpp>

#include <cstddef>
#include <new>
#include <source_location>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// What a gather() does about the first error.
enum class OnError : unsigned char {
  fail,            ///< ends with it; the others go on
  collect,         ///< nothing: errors are results
  cancel_siblings  ///< cancels the others, waits for them and ends with it
};

/// The children of a gather() and what happens as they end. The typed half makes the value.
class GatherCore {
 public:
  explicit GatherCore(std::size_t expected) { children_.reserve(expected); }
  GatherCore(GatherCore&&) noexcept = default;
  ~GatherCore();

  /// `given`: by the user, so that the same one may come twice. Throws: std::invalid_argument if
  /// it belongs to another loop than the ones before.
  void add(FutureState& child, bool given);
  /// Registers with the children; those that are done already are handled at once.
  void begin(CompositeState& outer, void (*collect)(CompositeState&), OnError on_error);

  [[nodiscard]] std::size_t size() const noexcept { return children_.size(); }
  [[nodiscard]] FutureState& child(std::size_t i) const noexcept { return *children_[i].state; }
  /// True if the same child stands at a later place, too, and its value is needed there.
  [[nodiscard]] bool comes_again(std::size_t i) const noexcept { return children_[i].comes_again; }
  /// The loop of the children; the running one if there are none.
  [[nodiscard]] Scheduler& scheduler() const;

 private:
  struct Child : WaitCall {
    explicit Child(FutureState& s) noexcept : WaitCall(&GatherCore::child_done), state(&s) {}
    Hold<FutureState> state;
    GatherCore* core = nullptr;
    bool claimed = false;
    bool registered = false;
    bool holds_outer = false;  // as soon as the node is certain to come to its turn
    bool comes_again = false;
    bool repeats = false;  // the same child stands at an earlier place
  };

  static void child_done(ReadyCall& child, ReadyAction action);
  void handle(Child& child);
  void finish_with(Failure failure);
  void cancel_siblings(Failure failure);
  static void tell_lost(FutureState& state, const char* why) noexcept;

  std::vector<Child> children_;
  CompositeState* outer_ = nullptr;
  void (*collect_)(CompositeState&) = nullptr;
  std::size_t finished_ = 0;
  std::size_t distinct_ = 0;
  OnError on_error_ = OnError::fail;
  Failure first_failure_;  // for cancel_siblings
};

/// The state of a gather() whose value is a T.
template <class T>
class GatherOf : public CompositeStateOf<T> {
 public:
  GatherOf(GatherCore&& c, std::source_location where)
      : CompositeStateOf<T>(c.scheduler(), CompositeState::Cancels::parts, where),
        core(std::move(c)) {}

  void begin(OnError on_error) {
    core.begin(
        *this, [](CompositeState& self) { static_cast<GatherOf&>(self).collect(); }, on_error);
  }

  GatherCore core;

 protected:
  virtual void collect() = 0;
  void emplace(T&& value) {
    ::new (static_cast<void*>(&this->slot.value)) T(std::move(value));
    this->finish_with_value();
  }
};

/// The children while they are being collected.
struct GatherParts {
  explicit GatherParts(std::size_t expected) : core(expected) {}

  template <class State>
  Ref<FutureState> finish(OnError on_error) {
    auto* state = new State(std::move(core), std::source_location());
    Ref<FutureState> owner(state);
    state->begin(on_error);
    return owner;
  }

  GatherCore core;
};

}  // namespace asyncio::detail
