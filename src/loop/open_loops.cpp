#include "loop/open_loops.hpp"

#include "loop/layout_note.hpp"
#include "loop/loop_state.hpp"

#include <pthread.h>

namespace asyncio::detail {
namespace {

pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

void lock() noexcept { ::pthread_mutex_lock(&guard); }
void unlock() noexcept { ::pthread_mutex_unlock(&guard); }

void unlink(OpenLoop& link) noexcept {
  if (link.place == nullptr) return;
  if (link.next != nullptr) link.next->open.place = link.place;
  // Readers come without the lock: one word leads past it, and its own stays as it is.
  __atomic_store_n(link.place, link.next, __ATOMIC_RELEASE);
  link.place = nullptr;
}

void forget_all() noexcept {
  while (asyncio_open_loops != nullptr) unlink(asyncio_open_loops->open);
}

// The loops of the parent are none of the child's.
void hold_over_forks() noexcept {
  static const int registered = ::pthread_atfork(lock, unlock, [] {
    forget_all();
    unlock();
  });
  (void)registered;
}

}  // namespace

void OpenLoops::add(LoopState& loop) noexcept {
  hold_over_forks();
  lock();
  // Behind the others: readers show them in the order in which they were made.
  LoopState** place = &asyncio_open_loops;
  while (*place != nullptr) place = &(*place)->open.next;
  loop.open = {nullptr, place};
  __atomic_store_n(place, &loop, __ATOMIC_RELEASE);
  unlock();
}

void OpenLoops::remove(LoopState& loop) noexcept {
  lock();
  unlink(loop.open);
  unlock();
}

void OpenLoops::visit(void (*fn)(LoopState& loop, void* argument), void* argument) {
  struct Lock {
    Lock() noexcept { lock(); }
    ~Lock() { unlock(); }
  };
  const Lock held;
  for (LoopState* loop = asyncio_open_loops; loop != nullptr; loop = loop->open.next) {
    fn(*loop, argument);
  }
}

}  // namespace asyncio::detail
