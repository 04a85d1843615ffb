// Boost.Beast as a server of this benchmark, in the manner of its example of an asynchronous
// server, with one thread: a session on the heap reads a request, answers it and reads the next.
// GET / is a small text.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Response answer_to(const Request& request) {
  const bool known = request.target() == "/";
  Response answer{known ? http::status::ok : http::status::not_found, request.version()};
  answer.set(http::field::content_type, "text/plain; charset=utf-8");
  answer.keep_alive(request.keep_alive());
  answer.body() = known ? "Hello, World!" : "there is nothing here\n";
  answer.prepare_payload();
  return answer;
}

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket&& socket) : stream_(std::move(socket)) {}

  void read() {
    request_ = {};
    stream_.expires_after(std::chrono::seconds(30));
    http::async_read(stream_, buffer_, request_,
                     beast::bind_front_handler(&Session::on_read, shared_from_this()));
  }

 private:
  void on_read(error_code error, std::size_t) {
    if (error == http::error::end_of_stream) return close();
    if (error) return;
    answer_ = answer_to(request_);
    http::async_write(stream_, answer_,
                      beast::bind_front_handler(&Session::on_write, shared_from_this()));
  }

  void on_write(error_code error, std::size_t) {
    if (error) return;
    if (!answer_.keep_alive()) return close();
    read();
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  Request request_;
  Response answer_;
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(asio::io_context& loop)
      : acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    acceptor_.listen(4096);
    std::printf("PORT %d\n", acceptor_.local_endpoint().port());
    std::fflush(stdout);
  }

  void accept() {
    acceptor_.async_accept(beast::bind_front_handler(&Listener::on_accept, shared_from_this()));
  }

 private:
  void on_accept(error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Session>(std::move(socket))->read();
    }
    accept();
  }

  tcp::acceptor acceptor_;
};

}  // namespace

int main() {
  asio::io_context loop(1);
  std::make_shared<Listener>(loop)->accept();
  loop.run();
}
