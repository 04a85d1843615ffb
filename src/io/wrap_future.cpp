#include <asyncio/wrap_future.hpp>

namespace asyncio::detail {

WrapNote::WrapNote(Scheduler& scheduler) noexcept
    : ReadyCall{&WrapNote::run}, scheduler_(scheduler) {
  deliver = &WrapNote::deliver_it;
  scheduler.pin();
}

WrapNote::~WrapNote() { scheduler_.unpin(); }

void WrapNote::send() noexcept {
  if (!scheduler_.post(*this)) delete this;  // closed: nobody waits any more
}

// In a turn of its own, as every callback of another thread.
void WrapNote::deliver_it(InboxNode& self, ReadyAction action) {
  auto& note = static_cast<WrapNote&>(self);
  if (action == ReadyAction::run) {
    note.scheduler_.ready.push(note);
  } else {
    run(note, action);
  }
}

void WrapNote::run(ReadyCall& self, ReadyAction action) {
  auto* note = &static_cast<WrapNote&>(self);
  struct Owner {
    WrapNote* note;
    ~Owner() { delete note; }
  };
  const Owner owner{note};
  note->scheduler_.ready.unreserve();
  if (action == ReadyAction::run) note->copy();
}

}  // namespace asyncio::detail
