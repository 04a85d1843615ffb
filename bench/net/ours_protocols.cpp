#include "net/http.hpp"
#include "net/ours.hpp"

#include <asyncio/transports.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace bench::net {
namespace {

class Answerer : public asyncio::Protocol {
 public:
  void connection_made(const asyncio::Transport& transport) override { transport_ = transport; }
  // A client that does not read is not read from.
  void pause_writing() override { transport_->pause_reading(); }
  void resume_writing() override { transport_->resume_reading(); }
  void connection_lost(std::exception_ptr) override { transport_.reset(); }

 protected:
  std::optional<asyncio::Transport> transport_;
};

class Echo final : public Answerer {
  void data_received(std::string_view data) override { transport_->write(data); }
};

class Http final : public Answerer {
  void data_received(std::string_view data) override {
    static const Responses responses;
    if (const std::size_t ended = requests_.ended_by(data)) transport_->write(responses.to(ended));
  }
  Requests requests_;
};

}  // namespace

asyncio::Coro<> serve_protocols(bool http, const asyncio::ssl::Context* tls) {
  auto make = [http]() -> std::unique_ptr<Answerer> {
    if (http) return std::make_unique<Http>();
    return std::make_unique<Echo>();
  };
  const asyncio::Server server =
      asyncio::get_running_loop().create_server(std::move(make), listening_socket(), options(tls));
  co_await server.serve_forever();
}

}  // namespace bench::net
