// The limit of io_uring: accept and recv in multishot, into buffers that the kernel picks.
// uring echo|http|churn
#include <liburing.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.hpp"
#include "net/socket.hpp"

namespace {

using namespace bench::net;

constexpr unsigned entries = 4096;
constexpr unsigned buffers = 128;  // a power of two
constexpr std::size_t buffer_size = 64 * 1024;
constexpr int group = 0;
constexpr int no_buffer = -1;

enum class Kind : std::uint8_t { accept, recv, send, close };

/// What a completion is of; it fits the ring's user_data.
struct Tag {
  Kind kind;
  int fd;

  std::uint64_t pack() const {
    return static_cast<std::uint64_t>(kind) << 32 | static_cast<std::uint32_t>(fd);
  }
  static Tag of(std::uint64_t data) {
    return {static_cast<Kind>(data >> 32), static_cast<int>(static_cast<std::uint32_t>(data))};
  }
};

struct Reply {
  std::string_view bytes;
  int buffer;  ///< goes back to the kernel once the bytes are sent
};

struct Connection {
  Requests requests;
  Reply sending{{}, no_buffer};  ///< empty: nothing is being sent
  std::vector<Reply> waiting;    ///< two sends at a time could overtake each other
  bool over = false;             ///< nothing more will be received
};

class Server {
 public:
  explicit Server(bool http) : http_(http) {
    io_uring_params parameters{};
    parameters.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 4 * entries;
    check(io_uring_queue_init_params(entries, &ring_, &parameters), "io_uring_queue_init_params");
    provide_buffers();
    listener_ = listen_and_announce(0);
    accept();
  }

  void serve() {
    for (;;) {
      const int submitted = io_uring_submit_and_wait(&ring_, 1);
      if (submitted != -EINTR) check(submitted, "io_uring_submit_and_wait");
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++seen;
        complete(Tag::of(completion->user_data), completion->res, completion->flags);
      }
      io_uring_cq_advance(&ring_, seen);
    }
  }

 private:
  static void check(int result, const char* what) {
    errno = -result;
    must(result, what);
  }

  void provide_buffers() {
    void* memory = nullptr;
    if (posix_memalign(&memory, 4096, buffers * sizeof(io_uring_buf)) != 0) die("posix_memalign");
    provided_ = static_cast<io_uring_buf_ring*>(memory);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    registration.ring_entries = buffers;
    registration.bgid = group;
    check(io_uring_register_buf_ring(&ring_, &registration, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(provided_);
    for (unsigned i = 0; i < buffers; ++i) give_back(static_cast<int>(i));
  }

  char* buffer(int index) { return memory_.get() + static_cast<std::size_t>(index) * buffer_size; }

  void give_back(int index) {
    io_uring_buf_ring_add(provided_, buffer(index), buffer_size, static_cast<std::uint16_t>(index),
                          io_uring_buf_ring_mask(buffers), 0);
    io_uring_buf_ring_advance(provided_, 1);
    for (int fd : std::exchange(starved_, {})) receive(fd);
  }

  io_uring_sqe* entry(Kind kind, int fd) {
    io_uring_sqe* found = io_uring_get_sqe(&ring_);
    if (found == nullptr) {
      check(io_uring_submit(&ring_), "io_uring_submit");
      found = io_uring_get_sqe(&ring_);
    }
    found->user_data = Tag{kind, fd}.pack();
    return found;
  }

  void accept() {
    io_uring_sqe* sqe = entry(Kind::accept, listener_);
    io_uring_prep_multishot_accept(sqe, listener_, nullptr, nullptr, SOCK_CLOEXEC);
  }

  void receive(int fd) {
    io_uring_sqe* sqe = entry(Kind::recv, fd);
    io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
  }

  void send(int fd, Reply reply) {
    connection(fd).sending = reply;
    io_uring_sqe* sqe = entry(Kind::send, fd);
    io_uring_prep_send(sqe, fd, reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
  }

  void end_if_over(int fd) {
    if (!connection(fd).over || !connection(fd).sending.bytes.empty()) return;
    connection(fd) = {};
    io_uring_sqe* sqe = entry(Kind::close, fd);
    io_uring_prep_close(sqe, fd);
  }

  Connection& connection(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

  void complete(Tag tag, int result, unsigned flags) {
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    switch (tag.kind) {
      case Kind::accept:
        if (result >= 0) accepted(result);
        if (!more) accept();
        return;
      case Kind::recv:
        if (result > 0) {
          received(tag.fd, static_cast<int>(flags >> IORING_CQE_BUFFER_SHIFT), result);
          if (!more) receive(tag.fd);
        } else if (result == -ENOBUFS) {
          starved_.push_back(tag.fd);
        } else {
          connection(tag.fd).over = true;
          end_if_over(tag.fd);
        }
        return;
      case Kind::send: return sent(tag.fd);
      case Kind::close: return;
    }
  }

  void accepted(int fd) {
    set_nodelay(fd);
    const auto index = static_cast<std::size_t>(fd);
    if (index >= connections_.size()) connections_.resize(index + 1);
    receive(fd);
  }

  void received(int fd, int index, int size) {
    const std::string_view bytes(buffer(index), static_cast<std::size_t>(size));
    Reply reply{bytes, index};
    if (http_) {
      reply = {responses_.to(connection(fd).requests.ended_by(bytes)), no_buffer};
      give_back(index);
      if (reply.bytes.empty()) return;
    }
    if (connection(fd).sending.bytes.empty()) return send(fd, reply);
    connection(fd).waiting.push_back(reply);
  }

  // A failed send is followed by the end of the multishot recv, which ends the connection.
  void sent(int fd) {
    Connection& it = connection(fd);
    const Reply done = std::exchange(it.sending, {{}, no_buffer});
    if (!it.waiting.empty()) {
      const Reply next = it.waiting.front();
      it.waiting.erase(it.waiting.begin());
      send(fd, next);
    }
    if (done.buffer != no_buffer) give_back(done.buffer);
    end_if_over(fd);
  }

  bool http_;
  int listener_ = -1;
  io_uring ring_{};
  io_uring_buf_ring* provided_ = nullptr;
  std::unique_ptr<char[]> memory_{new char[buffers * buffer_size]};
  std::vector<Connection> connections_;  ///< by descriptor
  std::vector<int> starved_;             ///< found no buffer, and receive again once there is one
  Responses responses_;
};

}  // namespace

int main(int argc, char** argv) { Server(argc > 1 && std::strcmp(argv[1], "http") == 0).serve(); }
