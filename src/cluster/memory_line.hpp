#pragma once

#include <cstddef>

namespace asyncio::cluster::detail {

template <class T>
class Line;

/// What may stand in a Line of its kind, and in one only.
template <class T>
class LineLink {
 private:
  friend class Line<T>;
  T* previous_ = nullptr;
  T* next_ = nullptr;
  Line<T>* line_ = nullptr;
};

/// First in, first out; owns nothing, allocates nothing: T derives from LineLink<T>.
template <class T>
class Line {
 public:
  Line() noexcept = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() = default;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T* first() const noexcept { return first_; }
  [[nodiscard]] T* last() const noexcept { return last_; }
  [[nodiscard]] static T* after(const T& member) noexcept { return link_of(member).next_; }

  void enter(T& member) noexcept { insert(member, last_, nullptr); }
  void enter_first(T& member) noexcept { insert(member, nullptr, first_); }
  /// From whichever it stands in; nothing happens if it is in none.
  static void leave(T& member) noexcept {
    if (Line* line = link_of(member).line_) line->remove(link_of(member));
  }

 private:
  static LineLink<T>& link_of(T& member) noexcept { return member; }
  static const LineLink<T>& link_of(const T& member) noexcept { return member; }

  void insert(T& member, T* previous, T* next) noexcept {
    LineLink<T>& link = link_of(member);
    link.previous_ = previous;
    link.next_ = next;
    link.line_ = this;
    (previous == nullptr ? first_ : link_of(*previous).next_) = &member;
    (next == nullptr ? last_ : link_of(*next).previous_) = &member;
    ++size_;
  }
  void remove(LineLink<T>& link) noexcept {
    (link.previous_ == nullptr ? first_ : link_of(*link.previous_).next_) = link.next_;
    (link.next_ == nullptr ? last_ : link_of(*link.next_).previous_) = link.previous_;
    link = {};
    --size_;
  }

  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace asyncio::cluster::detail
