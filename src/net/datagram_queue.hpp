#pragma once

#include <asyncio/address.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// Datagrams that could not be sent yet. Has no memory while it is empty.
class DatagramQueue {
 public:
  struct Datagram {
    std::string data;
    Address to;

    /// What it counts for flow control.
    [[nodiscard]] std::size_t weight() const noexcept {
      constexpr std::size_t header = 8;  // of UDP
      return data.size() + header;
    }
  };

  [[nodiscard]] bool empty() const noexcept { return head_ == datagrams_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const Datagram& front() const noexcept { return datagrams_[head_]; }

  void push(Datagram datagram) {
    const std::size_t weight = datagram.weight();
    // What has been sent is given up before the vector would grow for its sake.
    if (head_ > datagrams_.size() / 2) {
      datagrams_.erase(datagrams_.begin(), datagrams_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    datagrams_.push_back(std::move(datagram));
    size_ += weight;
  }
  Datagram pop() noexcept {
    Datagram first = std::move(datagrams_[head_++]);
    size_ -= first.weight();
    if (empty()) clear();
    return first;
  }
  void clear() noexcept {
    head_ = size_ = 0;
    std::vector<Datagram>().swap(datagrams_);
  }

 private:
  std::vector<Datagram> datagrams_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace asyncio::detail
