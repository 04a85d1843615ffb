#pragma once

namespace asyncio::detail {

/// What may be in a Chain of its kind, and in one only.
template <class T>
class ChainLink {
 private:
  template <class U>
  friend class Chain;
  T* previous_ = nullptr;
  T* next_ = nullptr;
};

/// A list that owns nothing, whose links are its members: T derives from ChainLink<T>.
template <class T>
class Chain {
 public:
  [[nodiscard]] T* first() const noexcept { return first_; }
  [[nodiscard]] static T* after(const T& member) noexcept { return link_of(member).next_; }

  void enter(T& member) noexcept {
    link_of(member).next_ = first_;
    if (first_ != nullptr) link_of(*first_).previous_ = &member;
    first_ = &member;
  }
  /// Nothing happens if it has left already.
  void leave(T& member) noexcept {
    ChainLink<T>& link = link_of(member);
    if (link.previous_ == nullptr && first_ != &member) return;
    (link.previous_ == nullptr ? first_ : link_of(*link.previous_).next_) = link.next_;
    if (link.next_ != nullptr) link_of(*link.next_).previous_ = link.previous_;
    link = {};
  }

 private:
  static ChainLink<T>& link_of(T& member) noexcept { return member; }
  static const ChainLink<T>& link_of(const T& member) noexcept { return member; }
  T* first_ = nullptr;
};

}  // namespace asyncio::detail
