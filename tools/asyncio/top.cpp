#include "snapshot/snapshot.hpp"
#include "subcommands.hpp"
#include "terminal.hpp"
#include "text.hpp"
#include "top_screen.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

namespace asyncio::command {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double shortest_interval = 0.05;  // seconds
constexpr double longest_interval = 3600;

struct Options {
  std::int64_t pid = 0;
  TopView view;
  long iterations = 0;  // 0: no end
  bool once = false;
};

Clock::duration interval_of(const TopView& view) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(view.interval));
}

// --- plain text ----------------------------------------------------------------------------------

void print_plainly(snapshot::Program program, const Options& options) {
  constexpr int width = 200;
  Samples samples(&processor_time_of);
  samples.add(program.take_snapshot());  // rates need two looks
  TopView view = options.view;
  const long count = options.once ? 1 : std::max(1L, options.iterations);
  for (long i = 0; i < count; ++i) {
    std::this_thread::sleep_for(interval_of(view));
    samples.add(program.take_snapshot());
    if (i > 0) command::write("\n");
    for (const TopLine& line : top_screen(samples, view, width, 0)) {
      command::write(line.text + '\n');
    }
    std::fflush(stdout);
  }
}

// --- full screen ---------------------------------------------------------------------------------

bool has_colours() noexcept {
  const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return refused == nullptr || *refused == '\0';
}

std::string drawn(const std::vector<TopLine>& lines, bool colours) {
  std::string text = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += "\r\n";
    const TopLine::Style style = lines[i].style;
    if (style == TopLine::Style::title) text += "\x1b[7m";
    if (style == TopLine::Style::alarm) text += colours ? "\x1b[31;1m" : "\x1b[1m";
    text += lines[i].text + "\x1b[0m\x1b[K";
  }
  return text + "\x1b[J";
}

void scroll(TopView& view, Key key, std::size_t page) {
  switch (key) {
    case Key::up: view.first -= std::min<std::size_t>(view.first, 1); break;
    case Key::down: ++view.first; break;
    case Key::page_up: view.first -= std::min(view.first, page); break;
    case Key::page_down: view.first += page; break;
    case Key::home: view.first = 0; break;
    case Key::end: view.first = std::size_t{1} << 40; break;  // the screen cuts it
    default: break;
  }
}

void choose(TopView& view, char key, bool places) {
  switch (key) {
    case 'p': view.paused = !view.paused; break;
    case 'g': view.group = places ? TopView::Group::tasks : TopView::Group::places; break;
    case 'r': view.reverse = !view.reverse; break;
    case 'w': view.sort = TopView::Sort::waited; break;
    case 'n': view.sort = TopView::Sort::name; break;
    case 's': view.sort = TopView::Sort::state; break;
    case 'l': view.sort = TopView::Sort::place; break;
    default: break;
  }
}

/// Draws, and takes keys, until it is time to look again. Returns: false to quit.
class Screen {
 public:
  explicit Screen(const TopView& view) : view_(view) {}

  [[nodiscard]] bool paused() const noexcept { return view_.paused; }
  bool show_until(const Samples& samples, Clock::time_point until) {
    draw(samples);
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0 && !view_.paused) return true;
      const KeyPress pressed = Terminal::read_key(
          static_cast<int>(view_.paused ? -1 : std::clamp<std::int64_t>(left, 1, 3'600'000)));
      if (pressed.key == Key::none) continue;
      if (pressed.key == Key::ended || pressed.text == 'q') return false;
      take(pressed, samples);
      draw(samples);
    }
  }

 private:
  void take(KeyPress pressed, const Samples& samples) {
    if (pressed.key == Key::other) {
      choose(view_, pressed.text, by_places(samples, view_));
    } else {
      constexpr int around = 10;  // lines that stay
      scroll(view_, pressed.key,
             static_cast<std::size_t>(std::max(1, Terminal::size().rows - around)));
    }
  }

  void draw(const Samples& samples) {
    const TerminalSize size = Terminal::size();
    Terminal::write(drawn(top_screen(samples, view_, size.columns, size.rows), colours_));
  }

  TopView view_;
  const bool colours_ = has_colours();
};

void show(snapshot::Program program, const Options& options) {
  Samples samples(&processor_time_of);
  samples.add(program.take_snapshot());  // before the screen changes: it may fail
  const Terminal terminal;
  Screen screen(options.view);
  for (long i = 0; options.iterations == 0 || i < options.iterations; ++i) {
    if (i > 0) samples.add(program.take_snapshot());
    if (!screen.show_until(samples, Clock::now() + interval_of(options.view))) return;
  }
}

void run(const Options& options) {
  snapshot::Program program = snapshot::Program::of_process(options.pid);
  if (options.once || !Terminal::is_there()) {
    print_plainly(std::move(program), options);
  } else {
    show(std::move(program), options);
  }
}

}  // namespace

void add_top(CLI::App& app, Status&) {
  auto* top =
      app.add_subcommand("top", "Shows loops and tasks as they change, on the whole screen");
  const auto options = std::make_shared<Options>();
  constexpr std::int64_t last_pid = 1 << 22;  // the kernel's limit
  top->add_option("PID", options->pid, "The process to look into")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, last_pid));
  top->add_option("--interval", options->view.interval, "Seconds between two looks")
      ->check(CLI::Range(shortest_interval, longest_interval))
      ->capture_default_str();
  top->add_option("--iterations", options->iterations, "Looks so often, then ends")
      ->check(CLI::PositiveNumber);
  top->add_flag("--once", options->once, "Prints what it sees after one interval, as plain text");
  top->add_flag_callback(
      "--tasks", [options] { options->view.group = TopView::Group::tasks; },
      "A line for each task, also if there are many");
  top->final_callback([options] { run(*options); });
}

}  // namespace asyncio::command
