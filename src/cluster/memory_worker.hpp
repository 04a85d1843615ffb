#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/event.hpp>

#include "cluster/memory_agenda.hpp"
#include "cluster/memory_line.hpp"

#include <forward_list>
#include <string>
#include <utility>
#include <vector>

namespace asyncio::cluster::detail {

class MemoryQueue;
class WaitingClaim;
struct MemoryWorker;

/// A message from when it is accepted until its result is forgotten. Where it is:
///
///     ready    in its queue's line                → running, ended
///     delayed  in its queue's agenda of these     → ready, ended
///     running  in its worker's line, and in its queue's agenda of leases → ready, delayed, ended
///     ended    in its queue's agenda of results   → forgotten; or ready, if it is requeued
struct MemoryRecord : LineLink<MemoryRecord> {
  enum class Place : std::uint8_t { ready, delayed, running, ended };

  Message message;
  Place place = Place::ready;
  /// Nobody waits for it any more.
  bool unwanted = false;
  std::vector<std::string> clients;
  /// In the agenda that it is in.
  AgendaKey due;
  /// While it is running.
  std::string entry;
  MemoryWorker* worker = nullptr;
  /// When it has ended.
  Outcome outcome = Outcome::value;
  std::string payload;
};

/// A claim in one line: of a queue, or of its worker.
struct ClaimPlace : LineLink<ClaimPlace> {
  WaitingClaim* claim = nullptr;
};

/// A claim() that waits: in the lines of its queues, and of its worker.
class WaitingClaim {
 public:
  WaitingClaim() noexcept = default;
  WaitingClaim(const WaitingClaim&) = delete;
  WaitingClaim& operator=(const WaitingClaim&) = delete;
  ~WaitingClaim() { leave(); }

  void enter(Line<ClaimPlace>& line);
  void leave() noexcept;
  /// It looks again. It has left its lines, so that the next one is woken next.
  void wake() noexcept;
  [[nodiscard]] Event::Wait woken() noexcept { return event_.wait(); }

 private:
  Event event_;
  std::forward_list<ClaimPlace> places_;
};

/// Who claims, from when it was first heard of.
struct MemoryWorker {
  std::string name;
  std::vector<std::string> queues;
  std::uint32_t concurrency = 0;
  Duration visibility;
  TimePoint heard;
  /// The queue that it takes from first: another one each time.
  std::size_t turn = 0;
  Line<MemoryRecord> running;
  Line<ClaimPlace> claims;
  /// What it is to be told.
  std::vector<std::pair<MemoryQueue*, std::string>> cancelled;

  void wake_claims() noexcept;
};

}  // namespace asyncio::cluster::detail
