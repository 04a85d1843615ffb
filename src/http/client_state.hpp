#pragma once

#include <asyncio/http.hpp>

#include "base/chain.hpp"
#include "http/lookup_cache.hpp"
#include "http/multi.hpp"
#include "http/outgoing.hpp"
#include "http/proxies.hpp"

#include <memory>
#include <string>
#include <vector>

namespace asyncio::detail {
class LoopState;
}

namespace asyncio::http::detail {

/// What the handles of a client share: options, connections and cookies.
class ClientState : public asyncio::detail::ChainLink<ClientState> {
 public:
  explicit ClientState(const ClientOptions& options);
  ClientState(const ClientState&) = delete;
  ClientState& operator=(const ClientState&) = delete;

  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }

  // They hold the client, since its handles may go before they begin.
  using Self = asyncio::detail::Ref<ClientState>;
  [[nodiscard]] static Coro<Response> request(Self self, std::shared_ptr<const Outgoing> outgoing);
  [[nodiscard]] static Coro<ResponseStream> stream(Self self,
                                                   std::shared_ptr<const Outgoing> outgoing);

  [[nodiscard]] const ClientConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Proxies& proxies() const noexcept { return proxies_; }
  /// Throws: RuntimeError on another loop than the first, or when it is closed.
  Multi& multi();
  /// Null when it is closed.
  [[nodiscard]] Multi* open_multi() const noexcept { return multi_.get(); }

  /// One that is prepared, and may have been used before.
  EasyHandle take_easy();
  /// `prepared`: what has been done with it has left no traces.
  void give_back(EasyHandle easy, bool prepared) noexcept;

  [[nodiscard]] std::vector<StoredCookie> cookies();
  void clear_cookies();
  void close() noexcept;
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }

 private:
  ~ClientState();

  using TransferRef = asyncio::detail::Ref<Transfer>;
  /// Asks, and follows redirects, until the header lines of the last answer are there.
  [[nodiscard]] Coro<TransferRef> exchange(std::shared_ptr<const Outgoing> outgoing, bool streamed);
  [[nodiscard]] Coro<TransferRef> ask(std::shared_ptr<const Outgoing> outgoing,
                                      std::optional<TimePoint> deadline, bool streamed);
  [[nodiscard]] Coro<std::string> look_up(const Outgoing& outgoing,
                                          std::optional<TimePoint> deadline);

  const ClientConfig config_;
  const Proxies proxies_;
  ShareHandle share_;
  std::vector<EasyHandle> idle_;
  LookupCache lookups_;
  std::unique_ptr<Multi> multi_;
  asyncio::detail::SharedCount users_;
  asyncio::detail::LoopState* loop_ = nullptr;
  bool is_closed_ = false;
};

}  // namespace asyncio::http::detail
