#pragma once

namespace asyncio::http::detail {

/// What may be in a Chain of its kind, and in one only.
template <class T>
class ChainLink {
 private:
  template <class U>
  friend class Chain;
  T* previous_in_chain_ = nullptr;
  T* next_in_chain_ = nullptr;
};

/// A list that owns nothing, whose members are its links. T derives from ChainLink<T>, where this
/// class may reach it.
template <class T>
class Chain {
 public:
  [[nodiscard]] T* first() const noexcept { return first_; }

  void enter(T& member) noexcept {
    ChainLink<T>& link = member;
    link.next_in_chain_ = first_;
    if (first_ != nullptr) link_of(first_).previous_in_chain_ = &member;
    first_ = &member;
  }
  void leave(T& member) noexcept {
    ChainLink<T>& link = member;
    T*& before = link.previous_in_chain_ == nullptr
                     ? first_
                     : link_of(link.previous_in_chain_).next_in_chain_;
    before = link.next_in_chain_;
    if (link.next_in_chain_ != nullptr) {
      link_of(link.next_in_chain_).previous_in_chain_ = link.previous_in_chain_;
    }
    link.previous_in_chain_ = link.next_in_chain_ = nullptr;
  }

 private:
  static ChainLink<T>& link_of(T* member) noexcept { return *member; }
  T* first_ = nullptr;
};

}  // namespace asyncio::http::detail
