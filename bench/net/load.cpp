// The load: load MODE PORT CONNECTIONS BYTES AMOUNT, where AMOUNT is such as 0.5s or 2000.
//
//   echo    one message of BYTES in flight on each connection
//   churn   connect, one message there and back, close; CONNECTIONS at a time
//   idle    opens that many connections, sends one message on each, and holds them; no AMOUNT
//   tls_echo, tls_churn   the same over TLS
//
// Prints READY once it is connected and warm, and begins at a line on its input. Then it prints
// {"operations": N, "nanoseconds": N} and holds its connections until its input ends.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/socket.hpp"
#include "net/tls.hpp"

namespace {

using namespace bench::net;

constexpr std::size_t some = 100;  // connections that are opened at a time; a backlog is no longer
constexpr double warm_up = 0.1;    // of the amount

struct Amount {
  long operations = 0;
  double seconds = 0;  ///< if not 0
};

struct Options {
  bool churn = false;
  bool idle = false;
  SSL_CTX* tls = nullptr;
  std::uint16_t port = 0;
  std::size_t connections = 0;
  std::size_t bytes = 0;
  Amount amount;
};

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "load: %s\n", what);
  std::exit(1);
}

/// A connection. Reading and writing give 0 where they would wait.
class Stream {
 public:
  void connect_to(const sockaddr_in& address, const sockaddr_in& from, SSL_CTX* tls) {
    fd_ = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    switch_on(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    must(bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from), "bind");
    must(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
    must(fcntl(fd_, F_SETFL, O_NONBLOCK), "fcntl");
    set_nodelay(fd_);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd_);
    SSL_set_connect_state(ssl_);
  }

  void end() {
    if (ssl_ != nullptr) {
      SSL_shutdown(ssl_);
      SSL_free(ssl_);
      ssl_ = nullptr;
    }
    close(fd_);
  }

  std::size_t read(char* to, std::size_t size) {
    if (ssl_ != nullptr) return over_tls(SSL_read(ssl_, to, static_cast<int>(size)));
    const ssize_t n = recv(fd_, to, size, 0);
    require(n != 0, "the server has closed a connection");
    return plain(n, "recv");
  }

  std::size_t write(const char* from, std::size_t size) {
    if (ssl_ != nullptr) return over_tls(SSL_write(ssl_, from, static_cast<int>(size)));
    return plain(send(fd_, from, size, MSG_NOSIGNAL), "send");
  }

  /// Whether a read that gave less than it could has taken all: TLS gives one record at a time.
  bool short_read_drains() const { return ssl_ == nullptr; }
  int fd() const { return fd_; }

 private:
  static std::size_t plain(ssize_t result, const char* what) {
    if (result < 0 && !would_block()) die(what);
    return result < 0 ? 0 : static_cast<std::size_t>(result);
  }

  std::size_t over_tls(int result) {
    if (result > 0) return static_cast<std::size_t>(result);
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    ERR_print_errors_fp(stderr);
    require(false, "TLS failed");
    return 0;
  }

  int fd_ = -1;
  SSL* ssl_ = nullptr;
};

/// One place for a message in flight.
struct Slot {
  Stream stream;
  std::size_t sent = 0;
  std::size_t received = 0;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), address_(loopback(options.port)), message_(options.bytes, '\0') {
    for (std::size_t i = 0; i < message_.size(); ++i) message_[i] = static_cast<char>(i % 251);
    slots_.resize(options.connections);
  }

  /// Opens connections up to this number, with a message there and back on each.
  void open_until(std::size_t number) {
    while (opened_ < number) {
      const std::size_t first = opened_;
      opened_ = std::min(number, opened_ + some);
      if (!options_.churn) {
        for (std::size_t i = first; i < opened_; ++i) open(slots_[i]);
      }
      run(first, {static_cast<long>(opened_ - first)});
    }
  }

  long run(const Amount& amount) { return run(0, amount); }

  bool check_messages = true;

 private:
  // Connections that have been closed keep their ports for a minute: there are more on 254 hosts.
  void open(Slot& slot) {
    const std::uint32_t host = 1 + next_host_++ % 254;
    slot.stream.connect_to(address_, loopback(0, host), options_.tls);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &slot;
    must(epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.stream.fd(), &event), "epoll_ctl");
  }

  /// On the connections from `first` on; what is in flight when the time is over is awaited.
  long run(std::size_t first, const Amount& amount) {
    amount_ = amount;
    started_ = finished_ = 0;
    stopping_ = false;
    const double end = now() + amount.seconds;
    for (std::size_t i = first; i < opened_ && !enough(); ++i) begin(slots_[i]);
    epoll_event events[1024];
    while (finished_ < started_) {
      const int ready = must(epoll_wait(epoll_, events, 1024, 30'000), "epoll_wait");
      require(ready > 0, "no answer in 30 s");
      for (int i = 0; i < ready; ++i) go_on(*static_cast<Slot*>(events[i].data.ptr));
      if (amount.seconds > 0) stopping_ = stopping_ || now() >= end;
    }
    return finished_;
  }

  bool enough() const { return amount_.seconds > 0 ? stopping_ : started_ >= amount_.operations; }

  void begin(Slot& slot) {
    ++started_;
    if (options_.churn) open(slot);
    slot.sent = slot.received = 0;
    write(slot);
  }

  void write(Slot& slot) {
    while (slot.sent < message_.size()) {
      const std::size_t n =
          slot.stream.write(message_.data() + slot.sent, message_.size() - slot.sent);
      if (n == 0) return;
      slot.sent += n;
    }
  }

  void go_on(Slot& slot) {
    if (slot.received == message_.size()) return;  // between two operations
    write(slot);
    for (;;) {
      const std::size_t n = slot.stream.read(scratch_.get(), read_size);
      if (n == 0) return;
      require(slot.received + n <= slot.sent, "more came back than was sent");
      if (check_messages) {
        require(std::memcmp(scratch_.get(), message_.data() + slot.received, n) == 0,
                "what came back differs from what was sent");
      }
      slot.received += n;
      if (slot.received == message_.size()) return finish(slot);
      if (n < read_size && slot.stream.short_read_drains()) return;
    }
  }

  void finish(Slot& slot) {
    ++finished_;
    if (options_.churn) slot.stream.end();
    if (!enough()) begin(slot);
  }

  const Options& options_;
  sockaddr_in address_;
  std::string message_;
  std::vector<Slot> slots_;
  std::size_t opened_ = 0;
  std::unique_ptr<char[]> scratch_{new char[read_size]};
  int epoll_ = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  std::uint32_t next_host_ = 0;

  Amount amount_;
  long started_ = 0;
  long finished_ = 0;
  bool stopping_ = false;
};

Amount parse_amount(std::string_view text) {
  char* end = nullptr;
  const double number = std::strtod(text.data(), &end);
  require(number > 0, "AMOUNT must be more than 0");
  return *end == 's' ? Amount{0, number} : Amount{static_cast<long>(number), 0};
}

Options parse(int argc, char** argv) {
  require(argc >= 5, "usage: load MODE PORT CONNECTIONS BYTES AMOUNT");
  std::string_view mode = argv[1];
  Options options;
  if (mode.starts_with("tls_")) {
    options.tls = tls_context(TLS_client_method());
    mode.remove_prefix(4);
  }
  options.churn = mode == "churn";
  options.idle = mode == "idle";
  require(options.churn || options.idle || mode == "echo", "there is no such MODE");
  options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
  options.connections = static_cast<std::size_t>(std::atol(argv[3]));
  options.bytes = static_cast<std::size_t>(std::atol(argv[4]));
  require(options.connections > 0 && options.bytes > 0, "CONNECTIONS and BYTES must not be 0");
  require(argc > 5 || options.idle, "AMOUNT is missing");
  if (!options.idle) options.amount = parse_amount(argv[5]);
  return options;
}

void wait_for_input() {
  int c = 0;
  while ((c = std::getchar()) != '\n' && c != EOF) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  const Options options = parse(argc, argv);
  Load load(options);
  load.open_until(options.idle ? std::min(some, options.connections) : options.connections);
  if (options.amount.seconds > 0) load.run({0, warm_up * options.amount.seconds});
  std::puts("READY");
  std::fflush(stdout);
  wait_for_input();

  load.check_messages = false;
  const double began = now();
  long operations = 0;
  if (options.idle) {
    load.open_until(options.connections);
    operations = static_cast<long>(options.connections - std::min(some, options.connections));
  } else {
    operations = load.run(options.amount);
  }
  std::printf("{\"operations\": %ld, \"nanoseconds\": %.0f}\n", operations, (now() - began) * 1e9);
  std::fflush(stdout);
  wait_for_input();
}
