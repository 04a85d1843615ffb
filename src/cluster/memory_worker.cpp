#include "cluster/memory_worker.hpp"

namespace asyncio::cluster::detail {

void WaitingClaim::enter(Line<ClaimPlace>& line) {
  ClaimPlace& place = places_.emplace_front();
  place.claim = this;
  line.enter(place);
}

void WaitingClaim::leave() noexcept {
  for (ClaimPlace& place : places_) Line<ClaimPlace>::leave(place);
}

void WaitingClaim::wake() noexcept {
  leave();
  event_.set();
}

void MemoryWorker::wake_claims() noexcept {
  while (ClaimPlace* place = claims.first()) place->claim->wake();
}

}  // namespace asyncio::cluster::detail
