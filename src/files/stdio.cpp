#include <asyncio/stdio.hpp>

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "files/standard_stream.hpp"
#include "io/system.hpp"
#include "net/stream_state.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

namespace asyncio {
namespace detail {
namespace {

/// Standard input is one loop's at a time; nobody else may look at what it leaves.
class InputOwner {
 public:
  /// Throws: RuntimeError while another loop has it.
  static void acquire(const LoopState& loop) {
    if (forks_ != sys::forks()) release();  // it was the parent's
    forks_ = sys::forks();
    std::uint64_t owner = 0;
    if (__atomic_compare_exchange_n(&loop_, &owner, loop.number, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
      return;
    }
    throw_runtime_error(
        "stdin_reader(): another loop reads standard input; read it there and hand it over by "
        "call_soon_threadsafe(), or close that loop first");
  }
  static void release() noexcept { __atomic_store_n(&loop_, 0, __ATOMIC_RELEASE); }
  /// What a former loop has received and nobody has read.
  static std::string& left_over() {
    static auto& text = *new std::string;  // for ever: a loop may end after main()
    return text;
  }

 private:
  static inline constinit std::uint64_t loop_ = 0;  // its number; atomic
  static inline constinit unsigned forks_ = 0;
};

}  // namespace

/// The streams of a loop that are of the standard descriptors.
class StdioService final : public LoopService {
 public:
  static StdioService& of(LoopState& loop) {
    if (loop.stdio == nullptr) loop.stdio = std::make_unique<StdioService>();
    return static_cast<StdioService&>(*loop.stdio);
  }
  ~StdioService() override = default;

  StreamReader input(LoopState& loop, std::size_t limit) {
    check_limit(limit);
    if (!input_) {
      InputOwner::acquire(loop);
      try {
        input_ = open(loop, standard_input, limit);
        ReaderState& reader = input_->reader();
        if (!InputOwner::left_over().empty()) {
          reader.feed(InputOwner::left_over());
          InputOwner::left_over().clear();
        }
      } catch (...) {
        input_ = {};
        InputOwner::release();
        throw;
      }
    }
    input_->reader().raise_limit(limit);
    return StreamReader(input_->reader_ref());
  }

  StreamWriter writer(LoopState& loop, const Standard& what) {
    std::optional<StreamWriter>& kept = what.fd == standard_output.fd ? output_ : error_;
    if (kept && StreamAccess::state(*kept).is_lost()) {
      tell_of_loss(what, StreamAccess::state(*kept));
      kept.reset();
    }
    if (!kept) kept.emplace(StreamWriter(open(loop, what, default_limit)));
    return *kept;
  }

  void loop_closing() noexcept override {
    end(standard_output, output_);
    end(standard_error, error_);
    if (!input_) return;
    ReaderState& reader = input_->reader();
    try {
      InputOwner::left_over() = reader.take(reader.bytes().size());
    } catch (const std::bad_alloc&) {
      log(LogLevel::error, "stdin_reader(): no memory to keep what nobody has read");
    }
    input_->abandon();
    input_ = {};
    InputOwner::release();
  }

 private:
  static Ref<StreamState> open(LoopState& loop, const Standard& what, std::size_t limit) {
    auto stream = std::make_unique<StandardStream>(loop, what);
    return Ref<StreamState>::adopt(new StreamState(loop, std::move(stream), limit));
  }

  // What is unsent is sent now, as exit() does with the buffers of C.
  static void end(const Standard& what, std::optional<StreamWriter>& writer) noexcept {
    if (!writer) return;
    StreamState& state = StreamAccess::state(*writer);
    if (!state.is_lost()) {
      static_cast<StandardStream&>(*state.stream()).wait_to_send();
      state.send_rest();
    }
    tell_of_loss(what, state);
    state.abandon();
    writer.reset();
  }

  static void tell_of_loss(const Standard& what, StreamState& state) noexcept {
    if (!state.failure() || std::exchange(state.told_of_failure, true)) return;
    try {
      log(LogLevel::error, fmt::format("{}: something that was written is lost: {}; await drain(), "
                                       "which throws that",
                                       what.who, describe(state.failure().error)));
    } catch (const std::bad_alloc&) {
      log(LogLevel::error, "something that was written to standard output or error is lost");
    }
  }

  Ref<StreamState> input_;
  std::optional<StreamWriter> output_;
  std::optional<StreamWriter> error_;
};

namespace {

LoopState& running() { return LoopAccess::state(get_running_loop()); }

}  // namespace
}  // namespace detail

StreamReader stdin_reader(std::size_t limit) {
  detail::LoopState& loop = detail::running();
  return detail::StdioService::of(loop).input(loop, limit);
}

StreamWriter stdout_writer() {
  detail::LoopState& loop = detail::running();
  return detail::StdioService::of(loop).writer(loop, detail::standard_output);
}

StreamWriter stderr_writer() {
  detail::LoopState& loop = detail::running();
  return detail::StdioService::of(loop).writer(loop, detail::standard_error);
}

}  // namespace asyncio
