#pragma once

#include <asyncio/duration.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace asyncio::cluster::detail {

/// The place of one in an Agenda.
struct AgendaKey {
  TimePoint due;
  std::uint64_t number = 0;
  friend auto operator<=>(const AgendaKey&, const AgendaKey&) noexcept = default;
};

/// What is due when: the earliest first, among equals the one that was entered first. Owns nothing.
template <class T>
class Agenda {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// The earliest first: pairs of a key and a T*.
  [[nodiscard]] const std::map<AgendaKey, T*>& entries() const noexcept { return entries_; }
  /// TimePoint::max() if there is nothing.
  [[nodiscard]] TimePoint next() const noexcept {
    return entries_.empty() ? TimePoint::max() : entries_.begin()->first.due;
  }

  AgendaKey add(TimePoint due, T& what) {
    const AgendaKey key{due, next_number_++};
    entries_.emplace_hint(entries_.end(), key, &what);
    return key;
  }
  void remove(const AgendaKey& key) noexcept { entries_.erase(key); }
  /// Returns: its new key.
  AgendaKey put_off(const AgendaKey& key, TimePoint due) noexcept {
    auto node = entries_.extract(key);
    node.key() = AgendaKey{due, next_number_++};
    return entries_.insert(std::move(node)).position->first;
  }
  /// The earliest, taken out, if its time has come; or null.
  [[nodiscard]] T* take_due(TimePoint now) noexcept {
    if (entries_.empty() || now < entries_.begin()->first.due) return nullptr;
    T* what = entries_.begin()->second;
    entries_.erase(entries_.begin());
    return what;
  }

 private:
  std::map<AgendaKey, T*> entries_;
  std::uint64_t next_number_ = 0;
};

}  // namespace asyncio::cluster::detail
